import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { SyscallEvent } from "../../../src/event.js";
import { Agent } from "../capture/agent.js";

function inum(pid: number | "self", link: string): number {
  return Number(/\d+/.exec(readlinkSync(`/proc/${pid}/ns/${link}`))![0]);
}

describe("crossings", () => {
  let agent: Agent;
  let inside: ChildProcess;

  before(async () => {
    // one that runs before the agent: it is known from the inventory alone
    inside = spawn("unshare", ["--mount", "--uts", "sh", "-c", "echo ready; exec sleep 600"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    await once(inside.stdout!, "data");
    agent = await Agent.start();
  });

  after(async () => {
    inside.kill();
    assert.equal(await agent.stop(), 0);
  });

  /** Runs a command; resolves with what the agent says of the call `name` that its own process made. */
  async function callOf(name: string, command: string, args: readonly string[]): Promise<SyscallEvent> {
    const { pid, status, stderr } = spawnSync(command, args, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const calls = () => agent.syscalls((event) => event.syscall === name && event.process.pid === pid);
    await agent.until(`${name} of ${command}`, () => calls().some((event) => event.errno === undefined));
    return calls().find((event) => event.errno === undefined)!;
  }

  /** The same for a few lines of Python, in which `c` is the C library. */
  const python = (name: string, lines: readonly string[]) =>
    callOf(name, "python3", ["-c", ["import ctypes,os", "c=ctypes.CDLL(None)", ...lines].join("\n")]);

  it("tells the namespaces of a pidfd's process, and where setns(2) led", async () => {
    const event = await python("setns", [`c.setns(os.pidfd_open(${inside.pid}), 0x20000 | 0x4000000)`]);
    assert.ok(event.target?.via === "pidfd");
    assert.equal(event.target.pid, inside.pid);
    assert.equal(event.target.comm, "sleep");
    assert.equal(event.target.namespaces?.mnt?.inum, inum(inside.pid!, "mnt"));
    assert.equal(event.target.namespaces?.pid?.inum, inum("self", "pid"));
    assert.deepEqual(event.args.nstype, ["CLONE_NEWNS", "CLONE_NEWUTS"]);
    assert.deepEqual(Object.keys(event.changed ?? {}), ["mnt", "uts"]);
    assert.equal(event.changed?.mnt?.from?.inum, inum("self", "mnt"));
    assert.equal(event.changed?.mnt?.to.inum, inum(inside.pid!, "mnt"));
    assert.equal(event.direction, "host-to-container");
  });

  it("tells the type and the inode number of a namespace file", async () => {
    const event = await callOf("setns", "nsenter", [`--uts=/proc/${inside.pid}/ns/uts`, "true"]);
    assert.ok(event.target?.via === "nsfs");
    assert.equal(event.target.type, "uts");
    assert.equal(event.target.inum, inum(inside.pid!, "uts"));
    assert.equal(event.changed?.uts?.to.inum, inum(inside.pid!, "uts"));
  });

  it("tells the way back out of a namespace from the way in", async () => {
    const host = `/proc/${process.pid}/ns/uts`;
    const args = ["--target", String(inside.pid), "--uts", "nsenter", `--uts=${host}`, "true"];
    const { pid } = spawnSync("nsenter", args);
    const calls = () => agent.syscalls((event) => event.syscall === "setns" && event.process.pid === pid);
    await agent.until("both crossings", () => calls().filter((event) => event.ret === 0).length >= 2);
    const last = calls()
      .filter((event) => event.ret === 0)
      .at(-1)!;
    assert.equal(last.direction, "container-to-host");
    assert.equal(last.changed?.uts?.from?.inum, inum(inside.pid!, "uts"));
    assert.equal(last.changed?.uts?.to.inum, inum("self", "uts"));
  });

  it("says that a refused crossing changed nothing", async () => {
    const lines = ["f=os.open('/proc/self/ns/uts',0)", "c.unshare(0x10000000)", "c.setns(f,0)"];
    const unshared = await python("unshare", lines);
    const refused = () =>
      agent.syscalls((event) => event.syscall === "setns" && event.process.pid === unshared.process.pid);
    await agent.until("the refusal", () => refused().length > 0);
    const [event] = refused();
    assert.equal(event?.errno, "EPERM");
    assert.equal(event?.changed, undefined);
    assert.equal(event?.direction, undefined);
    assert.deepEqual(event?.namespaces, unshared.namespaces);
  });

  it("tells only the link for children when the pid namespace is unshared", async () => {
    const event = await callOf("unshare", "unshare", ["--pid", "true"]);
    assert.deepEqual(Object.keys(event.changed ?? {}), ["pid_for_children"]);
    assert.equal(event.changed?.pid_for_children?.from?.inum, inum("self", "pid"));
    assert.equal(event.namespaces.pid?.inum, inum("self", "pid"));
  });

  it("tells the namespaces of a child that a clone put elsewhere, even when it ends at once", async () => {
    const lines = ["p=c.syscall(56,0x4000000|17,0,0,0,0)", "p or os._exit(0)", "os.waitpid(p,0)"];
    const event = await python("clone", lines);
    assert.deepEqual(event.args.flags, ["CLONE_NEWUTS", "SIGCHLD"]);
    assert.equal(event.outcome?.child?.pid, event.ret);
    const uts = event.outcome?.child?.namespaces.uts;
    assert.notEqual(uts?.inum, inum("self", "uts"));
    assert.deepEqual(event.changed, { uts: { from: event.namespaces.uts, to: uts } });
  });

  it("names a namespace by its unique id although its only process has ended", async () => {
    const event = await callOf("unshare", "unshare", ["--uts", "true"]);
    assert.match(event.namespaces.uts?.id ?? "", /^\d+$/);
    const again = await callOf("unshare", "unshare", ["--uts", "true"]);
    // not larger: each CPU gives ids out of a batch of its own (include/linux/cookie.h)
    assert.notEqual(again.namespaces.uts?.id, event.namespaces.uts?.id);
  });

  it("never gives the id of one namespace to another, however fast inode numbers are used again", async () => {
    const count = 2_000;
    const event = await python("unshare", [`[c.unshare(0x4000000) for _ in range(${count})]`]);
    const made = () =>
      agent.syscalls((call) => call.syscall === "unshare" && call.process.pid === event.process.pid);
    await agent.until("all of them", () => made().length >= count);
    const ids = made().map((call) => call.changed?.uts?.to.id);
    assert.ok(ids.every((id) => typeof id === "string"));
    assert.equal(new Set(ids).size, count);
    const inums = made().map((call) => call.changed?.uts?.to.inum);
    assert.ok(new Set(inums).size < count, "inode numbers were used again");
  });

  it("tells the id of a namespace that only children will be in", async () => {
    const event = await python("unshare", ["c.unshare(0x20000000)"]);
    assert.match(event.changed?.pid_for_children?.to.id ?? "", /^\d+$/);
  });
});
