import type { IncomingMessage } from "node:http";
import { formatAddress } from "../config/address.js";
import type { Config, ListenAddress } from "../config/config.js";
import { KeyholeError } from "../errors.js";
import type { Explanation, Question } from "../exposures/explanation.js";
import { neutralise } from "../publish/neutral.js";
import { readToken } from "../publish/token.js";
import { connectTls } from "./agent-socket.js";

export type AgentAccess = Pick<Config, "listen" | "token_file" | "tls">;

const TIMEOUT_MS = 10_000;
/** An explanation is a few events long; whoever answers with more is no agent. */
const MAX_ANSWER = 64 * 1024 * 1024;
const EXIT_REFUSED = 3;

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What the agent at `access` says; null where it does not know it. Throws KEYHOLE_NO_AGENT, KEYHOLE_TLS and KEYHOLE_TOKEN. */
export async function askAgent(question: Question, access: AgentAccess): Promise<Explanation | null> {
  const address = reachable(access.listen);
  const query = "seq" in question ? `event=${question.seq}` : `finding=${question.finding}`;
  const { status, body } = await get(address, `/v1/explain?${query}`, access);
  if (status === 200 && hasMember(body, "decisions")) return body as unknown as Explanation;
  if (status === 404 && hasMember(body, "forgotten")) return null;
  const where = formatAddress(address);
  const refused = status === 401 || status === 403;
  throw new KeyholeError(
    refused
      ? `the agent at ${where} refuses to answer`
      : `what listens at ${where} is no agent of this version`,
    {
      code: "KEYHOLE_NO_AGENT",
      expected: "an explanation",
      found: `status ${status}${hasMember(body, "error") ? `: ${neutralise(String(body.error))}` : ""}`,
      hint: refused
        ? "name the file with its token: --token-file, or token_file of the configuration"
        : "see --address, and that agent and command are of one version",
      exitCode: EXIT_REFUSED,
    },
  );
}

/** Where to connect to: an agent that listens on every address does on loopback too. */
function reachable(listen: ListenAddress | null): ListenAddress {
  if (listen === null || listen.port === 0) {
    throw new KeyholeError("it is not known where the agent listens", {
      code: "KEYHOLE_NO_AGENT",
      expected: "HOST:PORT",
      found: listen === null ? "listen: off" : "port 0, which is any",
      hint: "say --address HOST:PORT, or ask a recording with --input FILE",
      exitCode: EXIT_REFUSED,
    });
  }
  if (listen.host === "0.0.0.0") return { ...listen, host: "127.0.0.1" };
  return listen.host === "::" ? { ...listen, host: "::1" } : listen;
}

async function get({ host, port }: ListenAddress, path: string, access: AgentAccess): Promise<Answer> {
  const { tls, token_file } = access;
  const headers = token_file === null ? {} : { Authorization: `Bearer ${readToken(token_file)}` };
  const options = { host, port, path, headers, timeout: TIMEOUT_MS };
  try {
    const { get: request } = await import("node:http");
    const socket = tls.cert === null ? null : await connectTls({ host, port }, tls.cert, TIMEOUT_MS);
    const asking = request({ ...options, ...(socket !== null && { createConnection: () => socket }) });
    asking.on("timeout", () => asking.destroy(new Error(`no answer in ${TIMEOUT_MS / 1000} s`)));
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      asking.once("response", resolve);
      asking.once("error", reject);
    });
    return { status: response.statusCode ?? 0, body: await bodyOf(response) };
  } catch (error) {
    if (error instanceof KeyholeError) throw error;
    throw new KeyholeError(`no agent answers at ${formatAddress({ host, port })}`, {
      code: "KEYHOLE_NO_AGENT",
      expected: "a running `keyhole run` that listens there",
      found: (error as NodeJS.ErrnoException).code ?? (error as Error).message,
      hint: "start it, say where it listens with --address, or ask a recording with --input FILE",
      exitCode: EXIT_REFUSED,
      cause: error,
    });
  }
}

async function bodyOf(response: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += (chunk as Buffer).length;
    if (size > MAX_ANSWER) throw new Error(`an answer of more than ${MAX_ANSWER} bytes`);
    chunks.push(chunk as Buffer);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString("utf8"));
  } catch {
    return null;
  }
}

function hasMember<Name extends string>(
  value: unknown,
  name: Name,
): value is { readonly [N in Name]: unknown } {
  return typeof value === "object" && value !== null && name in value;
}
