import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { ScanReport } from "../../../src/commands/scan-report.js";
import type { ContainerRef, FindingEvent } from "../../../src/event.js";
import { Agent } from "../capture/agent.js";
import { IN_CONTAINER } from "../exposures/in-container.js";
import { Containerd } from "./containerd.js";
import { type ContainerSpec, type Pod, type PodSpec, Pods } from "./pods.js";

const MAIN = fileURLToPath(new URL("../../../dist/keyhole.js", import.meta.url));
const WEB = "keyhole.test/shop/web:2";
/** Other tests may run pods too. */
const NAMESPACE = `keyhole-${process.pid}`;
const SPARED_NAMESPACE = `${NAMESPACE}-spared`;
const SPARED_IMAGE = "keyhole.test/tools/unmasked:1";

/** Bytes: a node can have a thousand containers besides. */
const MAX_OUTPUT = 1 << 28;

interface Row extends Omit<PodSpec, "namespace" | "containers"> {
  readonly namespace?: string;
  readonly container?: Partial<ContainerSpec>;
  readonly finds: readonly string[];
}

/** It is opened for writing, and nothing is written. */
const CORE_PATTERN = "/proc/sys/kernel/core_pattern";
const UNMASKED = "critical proc-unmasked";

/** Pods, and what has to be found of their container: nothing more, nothing less. */
const ROWS: readonly Row[] = [
  { name: "default", finds: [] },
  { name: "shared.pids", shareProcessNamespace: true, finds: ["info proc-hidepid-off-shared"] },
  { name: "host-network", hostNetwork: true, finds: ["high ns-shared-with-host"] },
  { name: "privileged", container: { privileged: true }, finds: [UNMASKED] },
  { name: "unmasked", container: { procMount: "Unmasked" }, finds: [UNMASKED] },
  { name: "host-pid", hostPID: true, finds: ["critical proc-host-pidns-visible"] },
  {
    name: "host-proc",
    container: { mounts: [{ path: "/host/proc", hostPath: "/proc" }] },
    finds: ["critical proc-host-superblock-bound"],
  },
  {
    name: "kube-proxy-x7k2p",
    namespace: "kube-system",
    hostNetwork: true,
    container: { name: "kube-proxy", privileged: true },
    finds: [],
  },
  { name: "by-namespace", namespace: SPARED_NAMESPACE, container: { procMount: "Unmasked" }, finds: [] },
  { name: "by-image", container: { image: SPARED_IMAGE, procMount: "Unmasked" }, finds: [] },
];

const EXCEPTIONS = `
exceptions:
  - name: of-a-namespace
    rules: [proc-unmasked]
    description: Spares what runs there.
    fields: [container.pod.namespace]
    values: [[${SPARED_NAMESPACE}]]
  - name: of-an-image
    rules: [proc-unmasked]
    description: Spares what is made of it.
    fields: [container.image]
    comps: [startswith]
    values: [["keyhole.test/tools/"]]
`;

describe("pods that containerd runs for a kubelet", () => {
  let containerd: Containerd;
  let pods: Pods;
  let agent: Agent;
  let rules: string;
  const running = new Map<string, Pod>();

  before(async () => {
    containerd = await Containerd.start();
    await containerd.importProgram(WEB);
    await containerd.importProgram(SPARED_IMAGE);
    pods = new Pods(containerd);
    rules = join(containerd.directory, "rules");
    mkdirSync(rules);
    writeFileSync(join(rules, "exceptions.yaml"), EXCEPTIONS);
    // an inventory every five seconds: exceptions that rest on names must not wait for one
    agent = await Agent.start(["--rules", rules]);
    for (const row of ROWS) running.set(row.name, await pods.run(podOf(row)));
  });

  after(async () => {
    const status = await agent?.stop();
    await pods?.removeAll();
    await containerd?.stop();
    assert.equal(status, 0);
  });

  const idOf = (name: string) => Object.values(running.get(name)!.containers)[0]!;
  const sandboxes = () => new Set([...running.values()].map(({ sandbox }) => sandbox));

  function keyhole(...args: readonly string[]): string {
    return execFileSync(process.execPath, [MAIN, ...args], { encoding: "utf8", maxBuffer: MAX_OUTPUT });
  }

  function scan(...args: readonly string[]): ScanReport {
    return JSON.parse(keyhole("scan", "--rules", rules, "-o", "json", ...args)) as ScanReport;
  }

  /** What is said of the container of a pod. */
  function refOf(name: string): ContainerRef {
    const { uid, namespace } = running.get(name)!;
    const own = { name: "web", image: WEB, ...ROWS.find((row) => row.name === name)?.container };
    return {
      ...{ id: idOf(name), runtime: "containerd", name: own.name, image: own.image },
      pod: { uid, namespace, name },
    };
  }

  function findingsOf(id: string): FindingEvent[] {
    return agent.events.filter(
      (event): event is FindingEvent => event.type === "finding" && event.subject.id === id,
    );
  }

  describe("by a scan", () => {
    let report: ScanReport;

    before(() => {
      report = scan();
    });

    it("have the names that the kubelet gave them", () => {
      for (const name of running.keys()) {
        const found = report.containers.find(({ id }) => id === idOf(name));
        assert.deepEqual(found?.container, refOf(name));
      }
    });

    it("have a sandbox with the pod's names and one of its own", () => {
      const { sandbox, uid, namespace, name } = running.get("default")!;
      assert.deepEqual(report.containers.find(({ id }) => id === sandbox)?.container, {
        ...{ id: sandbox, runtime: "containerd", name: "POD", image: null },
        pod: { uid, namespace, name },
      });
    });

    for (const { name, finds } of ROWS) {
      it(`${name}: ${finds.join(", ") || "nothing"}`, () => {
        const found = report.findings.filter(({ subject }) => subject.id === idOf(name));
        assert.deepEqual(
          found.map(({ severity, rule }) => `${severity} ${rule}`),
          finds,
        );
        for (const { subject } of found) assert.deepEqual(subject.container, refOf(name));
      });
    }

    it("find nothing in sandboxes, and say so", () => {
      const ids = sandboxes();
      assert.deepEqual(
        report.findings.filter(({ subject }) => ids.has(subject.id)),
        [],
      );
      // each counts what it shares: two namespaces with hostNetwork, else one
      assert.equal(report.suppressed["exception:pod-sandbox"], 6);
      assert.equal(report.suppressed["exception:of-a-namespace"], 1);
      assert.equal(report.suppressed["exception:of-an-image"], 1);
    });
  });

  it("are told with their names while they run", { skip: IN_CONTAINER }, async () => {
    const expected = new Map(ROWS.map(({ name, finds }) => [name, finds]));
    await agent.until("the findings", () =>
      [...expected].every(([name, finds]) => findingsOf(idOf(name)).length >= finds.length),
    );
    for (const [name, finds] of expected) {
      const told = findingsOf(idOf(name));
      assert.deepEqual(
        told.map(({ severity, rule, state }) => `${severity} ${rule} ${state}`),
        finds.map((one) => `${one} open`),
      );
      for (const { subject } of told) assert.deepEqual(subject.container, refOf(name));
    }
    for (const id of sandboxes()) assert.deepEqual(findingsOf(id), []);
  });

  it("are chosen by the pod's name by every command", async () => {
    const { sandbox, namespace } = running.get("default")!;
    const pod = `${namespace}/default`;
    const pid = await containerd.cri.pidOf(idOf("default"));
    assert.deepEqual(
      scan("--container", pod)
        .containers.map(({ id }) => id)
        .sort(),
      [sandbox, idOf("default")].sort(),
    );
    assert.deepEqual(
      scan("--container", `${pod}/web`).containers.map(({ id }) => id),
      [idOf("default")],
    );
    const tree = keyhole("tree", "--container", pod, "--columns", "NS,PID,CONTAINER,POD");
    assert.match(tree, new RegExp(` ${pid} ${pod}/web +${pod}\\b`));
    assert.match(tree, new RegExp(` ${pod}/POD +${pod}\\b`));
    assert.match(keyhole("pid", `1@${pod}`), new RegExp(`\\b${pid} program`));
    assert.match(keyhole("procfs", "--container", pod), new RegExp(`\\b${pid} program`));
    const reach = JSON.parse(keyhole("procfs", "--reach", "--container", pod, "-o", "json")) as {
      readonly containers: readonly { readonly container: string }[];
    };
    assert.deepEqual(
      reach.containers.map(({ container }) => container),
      [idOf("default")],
    );
  });

  it("raise no alarm when a command is executed in them", { skip: IN_CONTAINER }, async () => {
    const before = agent.events.length;
    for (const name of running.keys()) {
      const { stdout, exitCode } = await containerd.cri.execSync(idOf(name), ["/program", name]);
      assert.deepEqual([stdout, exitCode], [`${name}\n`, 0]);
    }
    const opened = await containerd.cri.execSync(idOf("unmasked"), ["/program", "write", CORE_PATTERN]);
    assert.deepEqual(opened, { stdout: "", stderr: "", exitCode: 0 });
    const acts = () => findingsOf(idOf("unmasked")).filter(({ kind }) => kind === "act");
    await agent.until("the open", () => acts().length > 0);
    const [call] = agent.syscalls(({ file }) => file?.entry === "core-pattern");
    assert.deepEqual(call?.container, refOf("unmasked"));
    assert.deepEqual(
      acts().map(({ rule, subject }) => [rule, subject.container]),
      [["core-pattern-write", refOf("unmasked")]],
    );
    const alarms = agent.events
      .slice(before)
      .filter((event): event is FindingEvent => event.type === "finding")
      .filter(({ subject }) => [...running.values()].some((pod) => isOf(pod, subject.id)))
      .filter(({ subject }) => subject.id !== idOf("unmasked"));
    assert.deepEqual(alarms, []);
  });

  it("have their findings resolved when they are removed", async () => {
    const pod = running.get("privileged")!;
    const removed = idOf("privileged");
    await pods.remove(pod);
    running.delete("privileged");
    await agent.until("the end", () => findingsOf(removed).some(({ state }) => state === "resolved"));
    const last = findingsOf(removed).at(-1);
    assert.deepEqual(
      [last?.rule, last?.state, last?.reason],
      ["proc-unmasked", "resolved", "the container has ended"],
    );
  });
});

function podOf({ name, namespace = NAMESPACE, container, finds: _, ...rest }: Row): PodSpec {
  return { name, namespace, ...rest, containers: [{ name: "web", image: WEB, ...container }] };
}

function isOf({ sandbox, containers }: Pod, id: string): boolean {
  return id === sandbox || Object.values(containers).includes(id);
}
