import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import type { ScanReport } from "../../../src/commands/scan-report.js";
import type { ContainerRef, FindingEvent } from "../../../src/event.js";
import { BASE, COMPONENTS, environmentOf, readDaemonSet } from "../../deploy/manifests.js";
import { IN_CONTAINER } from "../exposures/in-container.js";
import { Containerd } from "./containerd.js";
import { buildImage } from "./keyhole-image.js";
import { PodLog } from "./pod-log.js";
import { type ContainerSpec, type Pod, Pods } from "./pods.js";
import { writeVolume } from "./volume.js";

const WEB = "keyhole.test/shop/web:2";
const TOKEN = "a-token-for-this-test-only";
/** Other tests may run pods too. */
const NAMESPACE = `keyhole-${process.pid}`;
/** Milliseconds; nothing is measured with them. */
const PATIENCE = 60_000;
const STEP = 50;
const MIB = 1 << 20;

const { spec } = readDaemonSet().spec.template;
const [container] = spec.containers;

interface Added {
  readonly path: string;
  readonly value: {
    readonly hostPath?: { readonly path: string };
    readonly mountPath?: string;
    readonly readOnly?: boolean;
  };
}

/** What the component runtime-files mounts from the host. */
function runtimeFiles(): NonNullable<ContainerSpec["mounts"]>[number] {
  const file = readFileSync(join(COMPONENTS, "runtime-files/kustomization.yaml"), "utf8");
  const [{ patch }] = (parse(file) as { patches: [{ patch: string }] }).patches;
  const [volume, mount] = (parse(patch) as [Added, Added]).map(({ value }) => value);
  return { path: mount!.mountPath!, hostPath: volume!.hostPath!.path, readOnly: mount!.readOnly! };
}

describe("the DaemonSet's pod, of an image as the Dockerfile makes it", () => {
  let containerd: Containerd;
  let pods: Pods;
  let pod: Pod;
  let early: Pod;
  let log: PodLog;
  let address = "";

  before(async () => {
    containerd = await Containerd.start();
    pods = new Pods(containerd);
    const { rootfs, config } = buildImage(containerd.directory);
    await containerd.import(container!.image, rootfs, config);
    rmSync(rootfs, { recursive: true });
    await containerd.importProgram(WEB);
    early = await runWeb("early", { procMount: "Unmasked" });
    pod = await pods.run(
      { name: "agent-x7k2p", namespace: NAMESPACE, hostPID: spec.hostPID, containers: [agent()] },
      (own) => {
        address = own;
        return environmentOf(container!, { "spec.nodeName": "worker-1", "status.podIP": own });
      },
    );
    log = new PodLog(join(pod.logs, `${container!.name}.log`));
    await until("its start", () => log.read().length > 0);
  });

  after(async () => {
    await pods?.removeAll();
    await containerd?.stop();
  });

  /** The container of the manifest, as the kubelet asks for it. */
  function agent(): ContainerSpec {
    const { name, image, args, securityContext, volumeMounts, resources } = container!;
    const files = {
      config: { "keyhole.yaml": readFileSync(join(BASE, "keyhole.yaml")) },
      token: { token: TOKEN },
    } as const;
    const volumes = Object.entries(files).map(([volume, content]) => {
      const directory = join(containerd.directory, `volume-${volume}`);
      writeVolume(directory, content, volume === "token" ? 0o400 : 0o644);
      return [volume, directory] as const;
    });
    const sources = new Map(volumes);
    return {
      ...{ name, image, args, privileged: securityContext.privileged },
      ...{ runAsUser: securityContext.runAsUser, runAsGroup: 0 },
      capabilities: securityContext.capabilities,
      allowPrivilegeEscalation: securityContext.allowPrivilegeEscalation,
      readOnlyRootFilesystem: securityContext.readOnlyRootFilesystem,
      seccomp: securityContext.seccompProfile.type as "RuntimeDefault",
      memoryLimit: Number.parseInt(resources.limits.memory!, 10) * MIB,
      mounts: [
        ...volumeMounts.map(({ name: volume, mountPath, readOnly }) => ({
          path: mountPath,
          hostPath: sources.get(volume)!,
          readOnly,
        })),
        runtimeFiles(),
      ],
    };
  }

  function runWeb(name: string, options: Partial<ContainerSpec> = {}): Promise<Pod> {
    return pods.run({ name, namespace: NAMESPACE, containers: [{ name: "web", image: WEB, ...options }] });
  }

  function findings(of: Pod): FindingEvent[] {
    const ids = new Set([of.sandbox, ...Object.values(of.containers)]);
    return log
      .read()
      .filter((event): event is FindingEvent => event.type === "finding")
      .filter(({ subject }) => ids.has(subject.id));
  }

  const told = (of: Pod) => findings(of).map(({ severity, rule, state }) => `${severity} ${rule} ${state}`);

  async function until(what: string, condition: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (!condition()) {
      assert.ok(
        performance.now() < deadline,
        `no sign of ${what}: ${JSON.stringify(log.read().slice(0, 9))}`,
      );
      await sleep(STEP);
    }
  }

  /** Status and body of a request from inside the pod's network namespace. */
  async function get(path: string): Promise<{ readonly status: number; readonly body: string }> {
    const code = `fetch(${JSON.stringify(`http://${address}:9917${path}`)})
      .then(async (reply) => console.log(JSON.stringify({ status: reply.status, body: await reply.text() })))`;
    const pid = await containerd.cri.pidOf(pod.containers[container!.name]!);
    const args = ["--net", "--target", String(pid), process.execPath, "-e", code];
    return JSON.parse(execFileSync("nsenter", args, { encoding: "utf8" })) as {
      status: number;
      body: string;
    };
  }

  async function keyhole(...args: readonly string[]): Promise<string> {
    const command = ["/nodejs/bin/node", "dist/keyhole.js", ...args];
    const { stdout, stderr, exitCode } = await containerd.cri.execSync(
      pod.containers[container!.name]!,
      command,
    );
    assert.equal(exitCode, 0, stderr);
    return stdout;
  }

  function refOf({ name, uid, containers }: Pod): ContainerRef {
    const named = { id: containers.web!, runtime: "containerd", name: "web", image: WEB };
    return { ...named, pod: { uid, namespace: NAMESPACE, name } };
  }

  it("attaches every program, with a libbpf of its own", async () => {
    const [first] = log.read();
    assert.equal(first?.type === "agent" && first.state, "started");
    const { programs } = first as unknown as { programs: { program: string; attached: boolean }[] };
    assert.ok(programs.length > 0);
    assert.deepEqual(
      programs.filter(({ attached }) => !attached),
      [],
    );
    const { checks } = JSON.parse(await doctor()) as { checks: { name: string; found: string }[] };
    const found = (name: string) => checks.find((check) => check.name === name)?.found ?? "";
    assert.match(found("libbpf"), /, \/app\/packages\/libbpf-linux-\w+\/lib\/libbpf\.so /);
    assert.match(found("files of runtimes"), /^below /);
  });

  /** Its exit status is 1 where something is degraded, as it may be here. */
  async function doctor(): Promise<string> {
    const command = ["/nodejs/bin/node", "dist/keyhole.js", "doctor", "-o", "json"];
    return (await containerd.cri.execSync(pod.containers[container!.name]!, command)).stdout;
  }

  it("answers the probes, and whoever collects metrics", async () => {
    for (const { httpGet } of [
      container!.startupProbe,
      container!.livenessProbe,
      container!.readinessProbe,
    ]) {
      const { status, body } = await get(httpGet.path);
      assert.equal(status, 200, body);
    }
    assert.match((await get("/metrics")).body, /^keyhole_containers [1-9]/m);
    assert.equal((await get("/v1/events")).status, 401);
  });

  it("tells what pods expose that ran before it, by their names", async () => {
    await until("the finding", () => findings(early).length > 0);
    assert.deepEqual(told(early), ["critical proc-unmasked open"]);
    assert.deepEqual(findings(early)[0]?.subject.container, refOf(early));
  });

  it("tells what pods expose that start later, by their names, and nothing of a default one", {
    skip: IN_CONTAINER,
  }, async () => {
    const plain = await runWeb("plain");
    const late = await runWeb("late", { privileged: true });
    await until("the finding", () => findings(late).length > 0);
    assert.deepEqual(told(late), ["critical proc-unmasked open"]);
    assert.deepEqual(findings(late)[0]?.subject.container, refOf(late));
    assert.deepEqual(told(plain), []);
    await pods.remove(late);
    await until("the end", () => told(late).length > 1);
    assert.deepEqual(told(late), ["critical proc-unmasked open", "critical proc-unmasked resolved"]);
  });

  it("does not report itself, and counts what it leaves out", async () => {
    const report = JSON.parse(await keyhole("scan", "-o", "json")) as ScanReport;
    const own = new Set([pod.sandbox, ...Object.values(pod.containers)]);
    assert.ok(report.containers.some(({ id }) => own.has(id)));
    assert.deepEqual(
      report.findings.filter(({ subject }) => own.has(subject.id)),
      [],
    );
    assert.equal(report.suppressed["own-container"], 1);
    assert.equal(report.suppressed["exception:pod-sandbox"], 1);
    assert.deepEqual(told(pod), []);
    const { body } = await get("/metrics");
    const suppressed = ["own-container", "exception:pod-sandbox"].map((reason) =>
      Number(body.split(`keyhole_suppressed_findings_total{reason="${reason}"} `)[1]?.split("\n")[0]),
    );
    assert.ok(
      suppressed.every((count) => count >= 1),
      suppressed.join(),
    );
  });

  it("shows the pods of the node to who asks in it", async () => {
    const name = `${NAMESPACE}/early`;
    const pid = await containerd.cri.pidOf(early.containers.web!);
    assert.match(await keyhole("tree", "--container", name), new RegExp(` ${pid} `));
    assert.match(await keyhole("pid", `1@${name}`), new RegExp(`\\b${pid} program`));
    assert.match(await keyhole("procfs", "--container", name), new RegExp(`\\b${pid} program`));
  });
});
