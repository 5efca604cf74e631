import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTo } from "node:net";
import {
  ById,
  CreateContainerRequest,
  ExecSyncRequest,
  ImageStatusRequest,
  RunPodSandboxRequest,
} from "./cri-messages.js";
import { type Decoded, decode, encode, type Message, type Schema, textOf } from "./protobuf.js";

/** Milliseconds after which a call that was not answered is given up; nothing is measured with it. */
const PATIENCE = 60_000;
/** A gRPC message begins with a byte that says whether it is compressed, and its length. */
const PREFIX_BYTES = 5;

/** What a program said that ExecSync ran. */
export interface Executed {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Speaks the CRI to a runtime as the kubelet does: gRPC over a Unix socket. */
export class Cri {
  readonly #session: ClientHttp2Session;

  constructor(socket: string) {
    this.#session = connect("http://localhost", { createConnection: () => connectTo(socket) });
    // each call fails with it
    this.#session.on("error", () => {});
  }

  async runPodSandbox(config: Message): Promise<string> {
    return textOf(await this.#runtime("RunPodSandbox", RunPodSandboxRequest, { config }), 1);
  }

  async stopPodSandbox(id: string): Promise<void> {
    await this.#runtime("StopPodSandbox", ById, { id });
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.#runtime("RemovePodSandbox", ById, { id });
  }

  /** The address of a pod with a network of its own. */
  async addressOf(id: string): Promise<string> {
    const answer = await this.#runtime("PodSandboxStatus", ById, { id });
    const status = decode(answer.get(1)![0] as Buffer);
    return textOf(decode(status.get(5)![0] as Buffer), 1);
  }

  async createContainer(sandbox: string, config: Message, sandbox_config: Message): Promise<string> {
    const request = { pod_sandbox_id: sandbox, config, sandbox_config };
    return textOf(await this.#runtime("CreateContainer", CreateContainerRequest, request), 1);
  }

  async startContainer(id: string): Promise<void> {
    await this.#runtime("StartContainer", ById, { id });
  }

  /** The pid of the container's first process, as containerd has it. */
  async pidOf(id: string): Promise<number> {
    const status = await this.#runtime("ContainerStatus", ById, { id, verbose: true });
    for (const pair of status.get(2) ?? []) {
      const info = decode(pair as Buffer);
      if (textOf(info, 1) === "info") return (JSON.parse(textOf(info, 2)) as { pid: number }).pid;
    }
    throw new Error(`containerd does not tell the pid of ${id}`);
  }

  async execSync(id: string, cmd: readonly string[]): Promise<Executed> {
    const request = { container_id: id, cmd, timeout: PATIENCE / 1000 };
    const answer = await this.#runtime("ExecSync", ExecSyncRequest, request);
    return {
      stdout: textOf(answer, 1),
      stderr: textOf(answer, 2),
      exitCode: Number(answer.get(3)?.[0] ?? 0),
    };
  }

  async hasImage(image: string): Promise<boolean> {
    const answer = await this.#call("ImageService/ImageStatus", ImageStatusRequest, { image: { image } });
    return answer.has(1);
  }

  close(): void {
    this.#session.destroy();
  }

  #runtime(method: string, schema: Schema, request: Message): Promise<Decoded> {
    return this.#call(`RuntimeService/${method}`, schema, request);
  }

  #call(method: string, schema: Schema, request: Message): Promise<Decoded> {
    const body = encode(schema, request);
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(body.length, 1);
    return new Promise((resolve, reject) => {
      const stream = this.#session.request({
        ":method": "POST",
        ":path": `/runtime.v1.${method}`,
        "content-type": "application/grpc",
        te: "trailers",
      });
      const parts: Buffer[] = [];
      let status = "";
      let message = "";
      const note = (headers: Readonly<Record<string, unknown>>): void => {
        if (headers["grpc-status"] !== undefined) status = String(headers["grpc-status"]);
        if (headers["grpc-message"] !== undefined)
          message = decodeURIComponent(String(headers["grpc-message"]).replace(/%(?![0-9A-F]{2})/gi, "%25"));
      };
      stream.setTimeout(PATIENCE, () => {
        message = `no answer after ${PATIENCE / 1000} s`;
        stream.close();
      });
      stream.on("response", note).on("trailers", note);
      stream.on("data", (part: Buffer) => parts.push(part));
      stream.on("error", (error) => reject(new Error(`${method}: ${error.message}`)));
      stream.on("close", () => {
        if (status === "0") resolve(decode(Buffer.concat(parts).subarray(PREFIX_BYTES)));
        else reject(new Error(`${method}: ${message || `gRPC status ${status || "unknown"}`}`));
      });
      stream.end(Buffer.concat([prefix, body]));
    });
  }
}
