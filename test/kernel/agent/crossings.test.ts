import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { SyscallEvent } from "../../../src/event.js";
import { NS_LINKS, type NsLink } from "../../../src/kernel/links.js";
import { buildProgram } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";

/** What test/programs/transitions.c says of one call. */
interface Transition {
  readonly tid: number;
  readonly syscall: string;
  readonly before: Readonly<Record<NsLink, number>>;
  readonly after: Readonly<Record<NsLink, number>>;
}

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
    assert.deepEqual(event?.changed, {});
    assert.equal(event?.direction, undefined);
    assert.deepEqual(event?.namespaces, unshared.namespaces);
    // and what was asked for
    assert.deepEqual(event?.target, { via: "nsfs", type: "uts", ...unshared.namespaces.uts });
  });

  it("says that a descriptor of neither a namespace nor a process is any file", async () => {
    const { process: caller } = await python("unshare", [
      "c.setns(os.open('/dev/null',0),0)",
      "c.unshare(0x400)",
    ]);
    const [event] = agent.syscalls(
      ({ process, syscall }) => syscall === "setns" && process.pid === caller.pid,
    );
    assert.equal(event?.errno, "EINVAL");
    const { target } = event!;
    assert.ok(target?.via === "other");
    const { stdout } = spawnSync("stat", ["--file-system", "--format", "%t", "/dev/null"], {
      encoding: "utf8",
    });
    assert.equal(target.magic, `0x${stdout.trim()}`);
    assert.ok(target.fs_type);
  });

  it("tells each link that threads, clones and all eight types at once change, and no other", async () => {
    const program = buildProgram("transitions.c");
    const { status, stdout, stderr } = spawnSync(program, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const told = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Transition);
    const tids = new Set(told.map(({ tid }) => tid));
    assert.ok(told.length > 10);
    const calls = () =>
      agent.syscalls(
        ({ process, ret, syscall }) =>
          tids.has(process.tid) && ret !== null && ret >= 0 && syscall !== "pidfd_open",
      );
    await agent.until("all transitions", () => calls().length >= told.length);
    const events = calls();
    assert.equal(events.length, told.length);
    for (const { tid, syscall, before, after } of told) {
      const at = events.findIndex((event) => event.process.tid === tid && event.syscall === syscall);
      assert.notEqual(at, -1, `${syscall} of ${tid}`);
      const [event] = events.splice(at, 1);
      const differing = NS_LINKS.filter((link) => before[link] !== after[link]);
      const about = `${syscall} ${JSON.stringify(event!.args)}`;
      assert.deepEqual(Object.keys(event!.changed!), differing, about);
      for (const link of differing) {
        const { from, to } = event!.changed![link]!;
        assert.equal(from?.inum, before[link], about);
        // a link that shows nothing yet leads somewhere all the same
        if (after[link] !== 0) assert.equal(to.inum, after[link], about);
        else assert.ok(to.inum !== 0 && to.inum !== before[link], about);
        assert.match(to.id ?? "", /^\d+$/, about);
      }
      assert.equal(event!.direction === "same", differing.length === 0, about);
    }
  });

  it("tells a way further down in the tree of user namespaces from the way out of the host", async () => {
    const program = ["--user", "--map-root-user", "unshare", "--user", "--map-root-user", "true"];
    const { pid, status, stderr } = spawnSync("unshare", program, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    const calls = () =>
      agent.syscalls(({ process, syscall }) => syscall === "unshare" && process.pid === pid);
    await agent.until("both crossings", () => calls().length >= 2);
    assert.deepEqual(
      calls().map(({ direction }) => direction),
      ["host-to-container", "to-descendant"],
    );
  });

  it("tells whose processes a procfs shows, seen from the caller", async () => {
    const fsconfig = (fd: string, cmd: number) => `c.syscall(431,${fd},${cmd},None,None,0)`;
    const lines = [
      "fd=c.syscall(430,b'proc',0)",
      "c.unshare(0x20000000)",
      fsconfig("fd", 6),
      // in the new pid namespace, with a context from above and one of its own
      "above=c.syscall(430,b'proc',0)",
      "p=os.fork()",
      `p or (${fsconfig("above", 6)},${fsconfig("c.syscall(430,b'proc',0)", 6)},os._exit(0))`,
      "os.waitpid(p,0)",
    ];
    const { process: caller } = await python("unshare", lines);
    const calls = () =>
      agent.syscalls(
        ({ process, outcome }) =>
          (process.pid === caller.pid || process.ppid === caller.pid) && outcome?.procfs !== undefined,
      );
    await agent.until("three procfs", () => calls().length >= 3);
    const [own, above, below] = calls();
    for (const { outcome } of [own!, above!]) {
      assert.equal(outcome?.procfs?.pid_ns, inum("self", "pid"));
      assert.deepEqual(outcome?.procfs?.pid_namespace, own!.namespaces.pid);
    }
    assert.equal(own!.outcome?.procfs?.pid_ns_relation, "same");
    assert.equal(above!.outcome?.procfs?.pid_ns_relation, "ancestor");
    assert.equal(below!.outcome?.procfs?.pid_ns_relation, "same");
    assert.deepEqual(below!.outcome?.procfs?.pid_namespace, below!.namespaces.pid);
    assert.notEqual(below!.namespaces.pid?.inum, inum("self", "pid"));
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
