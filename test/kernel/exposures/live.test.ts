import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { FindingEvent } from "../../../src/event.js";
import { Agent } from "../capture/agent.js";
import { Bundles } from "./bundle.js";
import { buildHolder } from "./holder.js";
import { IN_CONTAINER } from "./in-container.js";

const PREFIX = `keyhole-live-${process.pid}`;

describe("findings of a running agent", () => {
  let agent: Agent;
  let bundles: Bundles;

  before(async () => {
    bundles = new Bundles();
    bundles.run(id("early"), { unmasked: true });
    agent = await Agent.start(["--inventory-interval", "1s"]);
  });

  after(async () => {
    bundles[Symbol.dispose]();
    assert.equal(await agent.stop(), 0);
  });

  function id(name: string): string {
    return `${PREFIX}-${name}`;
  }

  function findings(name: string): FindingEvent[] {
    return agent.events.filter(
      (event): event is FindingEvent => event.type === "finding" && event.subject.id === id(name),
    );
  }

  const told = (name: string, state = "open") =>
    findings(name)
      .filter((finding) => finding.state === state)
      .map(({ rule, severity }) => `${severity} ${rule}`)
      .sort();

  it("tells what a container that ran before it exposes", async () => {
    await agent.until("the finding", () => told("early").length > 0);
    assert.deepEqual(told("early"), ["critical proc-unmasked"]);
  });

  it("tells what containers expose that start later, and nothing of one that exposes nothing", {
    skip: IN_CONTAINER,
  }, async () => {
    bundles.run(id("default"));
    bundles.run(id("hostpid"), { hostPid: true });
    bundles.run(id("bound"), { bindHostProc: "/host/proc" });
    await agent.until("both findings", () => told("hostpid").length > 0 && told("bound").length > 0);
    assert.deepEqual(told("hostpid"), ["critical proc-host-pidns-visible"]);
    assert.deepEqual(told("bound"), ["critical proc-host-superblock-bound"]);
    assert.deepEqual(told("default"), []);
  });

  it("tells the acts by which a container takes its masks away, with the call that did it", {
    skip: IN_CONTAINER,
  }, async () => {
    // what it lacks from the start shows when it was looked at: masks that were never seen cannot be missed
    const pid = bundles.run(id("admin"), {
      capabilities: ["CAP_SYS_ADMIN", "CAP_KILL"],
      withoutMasks: ["/proc/timer_list"],
      args: ["/pause", "/proc/keys", "/proc/sys"],
    });
    await agent.until("a look at it", () => told("admin").length > 1);
    assert.deepEqual(told("admin"), ["high masks-advisory-cap", "low proc-mask-missing"]);
    process.kill(pid, "SIGUSR1");
    await agent.until("both acts", () =>
      told("admin").some((line) => line.endsWith("proc-remount-writable")),
    );
    await agent.until("the posture after them", () => told("admin").includes("critical proc-sys-writable"));
    const act = findings("admin").find(({ rule }) => rule === "proc-mask-removed");
    assert.equal(act?.severity, "critical");
    const cause = agent.events.find(({ seq }) => seq === act?.event_seq);
    assert.ok(cause?.type === "syscall");
    assert.equal(cause.syscall, "umount2");
    assert.equal(cause.args.target, "/proc/keys");
    assert.equal(cause.process.pid, pid);
  });

  it("tells that a task left its container for a namespace of the host, although it is in none by then", {
    skip: IN_CONTAINER,
  }, async () => {
    const lines = [
      "import ctypes,os,sys",
      "c=ctypes.CDLL(None)",
      "host=os.open('/proc/self/ns/mnt',0)",
      "c.unshare(0x20020000)",
      "child=os.fork()",
      "if child: os.waitpid(child,0)",
      "else: c.setns(host,0); sys.stdin.read()",
    ];
    const python = spawn("python3", ["-c", lines.join("\n")], { stdio: ["pipe", "inherit", "inherit"] });
    const entered = () =>
      agent.events.filter(
        (event): event is FindingEvent => event.type === "finding" && event.rule === "ns-enter-host",
      );
    await agent.until("the finding", () => entered().length > 0);
    python.stdin.end();
    await once(python, "close");
    const [finding] = entered();
    assert.equal(finding!.severity, "critical");
    assert.match(finding!.subject.id, /^pidns:\d+$/);
    const cause = agent.events.find(({ seq }) => seq === finding!.event_seq);
    assert.ok(cause?.type === "syscall");
    assert.equal(cause.direction, "container-to-host");
  });

  it("tells what a task does that came into a container from the host as done in that container", {
    skip: IN_CONTAINER,
  }, async () => {
    const pid = bundles.run(id("entered"));
    const lines = [
      "import ctypes,os,sys",
      "c=ctypes.CDLL(None)",
      `c.setns(os.open('/proc/${pid}/ns/mnt',0),0)`,
      "c.unshare(0x4000000)",
      "sys.stdin.read()",
    ];
    const python = spawn("python3", ["-c", lines.join("\n")], { stdio: ["pipe", "inherit", "inherit"] });
    const calls = () => agent.syscalls((event) => event.process.pid === python.pid);
    await agent.until("both calls", () => calls().length === 2);
    python.stdin.end();
    await once(python, "close");
    assert.deepEqual(
      calls().map(({ syscall, container }) => [syscall, container?.id ?? null]),
      [
        ["setns", null],
        ["unshare", id("entered")],
      ],
    );
  });

  it("tells of a procfs that a container's process holds and that is mounted nowhere", {
    skip: IN_CONTAINER,
  }, async () => {
    const directory = mkdtempSync(join(tmpdir(), "keyhole-live-"));
    try {
      bundles.run(id("detached"), {
        capabilities: ["CAP_SYS_ADMIN"],
        programs: [buildHolder(directory)],
        args: ["/holder"],
      });
    } finally {
      rmSync(directory, { recursive: true });
    }
    await agent.until("the finding", () => told("detached").includes("critical proc-fd-detached"));
  });

  it("resolves what a container exposed when it ends", { skip: IN_CONTAINER }, async () => {
    bundles.stop(id("hostpid"));
    await agent.until("the end", () => told("hostpid", "resolved").length > 0);
    assert.deepEqual(told("hostpid", "resolved"), ["critical proc-host-pidns-visible"]);
    const last = findings("hostpid").at(-1);
    assert.equal(last?.reason, "the container has ended");
  });

  it("tells that a hidepid was weakened, whatever mount of the instance was used", async () => {
    const script = [
      "mount -t proc -o hidepid=2 proc /proc",
      "mkdir /dev/shm/keyhole-bind",
      "mount --bind /proc /dev/shm/keyhole-bind",
      "read line",
      "mount -o remount,hidepid=0 proc /dev/shm/keyhole-bind",
      "read line",
      "umount /dev/shm/keyhole-bind",
      "rmdir /dev/shm/keyhole-bind",
    ].join("; ");
    const shell = spawn("unshare", ["--mount", "--pid", "--fork", "sh", "-c", script], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    const bind = () =>
      agent.syscalls((event) => event.ret === 0 && event.args.target === "/dev/shm/keyhole-bind");
    await agent.until("the bind", () => bind().length > 0);
    shell.stdin.write("go on\n");
    const weakened = () =>
      agent.events.filter(
        (event): event is FindingEvent => event.type === "finding" && event.rule === "proc-hidepid-weakened",
      );
    await agent.until("the finding", () => weakened().length > 0);
    assert.match(weakened()[0]!.evidence[0]!.fact, /hidepid=invisible became hidepid=off/);
    shell.stdin.end("go on\n");
    await once(shell, "close");
  });
});
