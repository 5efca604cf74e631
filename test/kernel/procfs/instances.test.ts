import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, before, describe, it } from "node:test";
import { surveyNode } from "../../../src/commands/procfs-survey.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { INIT_PID_NS } from "../../../src/kernel/privileges.js";
import { isSince } from "../../../src/kernel/release.js";
import type { ProcfsInstance } from "../../../src/mounts/procfs-instances.js";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { Actor } from "../stories/actor.js";

/** include/uapi/linux/mount.h, fcntl.h and asm-generic/errno-base.h */
const SET_STRING = 1;
const SET_FD = 5;
const CREATE = 6;
const F_EMPTY_PATH = 4;
const MS_BIND = 4096;
const MS_REMOUNT = 32;
const AT_FDCWD = -100;
const EPERM = 1;
const EBUSY = 16;
const EINVAL = 22;

const program = buildProgram("actor.c");
const folder = temporaryFolder();
const [first, second] = ["first", "second"].map((name) => {
  const path = join(folder, name);
  mkdirSync(path);
  return path;
}) as [string, string];

const actors: Actor[] = [];

async function start(...namespaces: readonly string[]): Promise<Actor> {
  const actor = await Actor.start(program, namespaces);
  actors.push(actor);
  return actor;
}

/** In a pid namespace of its own. */
const startInside = () => start("--pid", "--fork", "--kill-child");

/** A detached procfs with these options. */
async function makeDetached(actor: Actor, options: Readonly<Record<string, string>> = {}): Promise<number> {
  const context = await actor.ok("fsopen", "proc", 0);
  for (const [name, value] of Object.entries(options)) {
    await actor.ok("fsconfig", context, SET_STRING, name, value, 0);
  }
  await actor.ok("fsconfig", context, CREATE, null, null, 0);
  const mount = await actor.ok("fsmount", context, 0, 0);
  await actor.ok("close", context);
  return mount;
}

async function attach(actor: Actor, mount: number, target: string): Promise<void> {
  await actor.ok("move_mount", mount, "", AT_FDCWD, target, F_EMPTY_PATH);
  await actor.ok("close", mount);
}

function instances(): readonly ProcfsInstance[] {
  const { instances: found, superblocks } = surveyNode(new HostPath());
  assert.ok(superblocks !== null, "the kernel refused the programs of bpf/probes.bpf.c");
  return found;
}

/** The instance that `actor` has at `target`, found by what findmnt(8) says of its device. */
function at(actor: Actor, target: string, found: readonly ProcfsInstance[] = instances()): ProcfsInstance {
  const dev = actor.mountsOn(target).at(-1)?.["maj:min"];
  const instance = found.find((one) => one.dev === dev);
  assert.ok(instance !== undefined, `no instance ${dev}`);
  return instance;
}

function placesOf(actor: Actor, { places }: ProcfsInstance) {
  return places.filter(({ mntNs }) => mntNs === actor.inum("mnt"));
}

function optionsOf({ hidepid, gid, subset }: ProcfsInstance) {
  return { hidepid, gid, subset };
}

/** A command in the mount namespace of `actor` and in the host's pid namespace. */
function inside(actor: Actor, ...command: readonly string[]): string {
  return execFileSync("nsenter", ["--mount", "--target", String(actor.pid), ...command], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

before(() => assert.equal(process.getuid?.(), 0, "mounts and BPF need root"));

afterEach(async () => {
  for (const actor of actors.splice(0)) await actor.end();
});

describe("instances that are mounted", () => {
  it("has one with subset=pid, where findmnt has it", async () => {
    const actor = await start();
    await attach(actor, await makeDetached(actor, { subset: "pid" }), first);
    const instance = at(actor, first);
    assert.deepEqual(optionsOf(instance), { hidepid: "off", gid: 0, subset: "pid" });
    assert.deepEqual([instance.pidNs, instance.pidLevel, instance.host], [INIT_PID_NS, 0, false]);
    assert.equal(instance.private, true);
    const [place] = placesOf(actor, instance);
    const row = actor.mountsOn(first).at(-1);
    assert.deepEqual(
      [place?.mountId, place?.path, place?.root, place?.readonly, place?.covered],
      [row?.id, first, "/", false, false],
    );
    assert.deepEqual(
      place?.viewers.map(({ processes, first: { pid } }) => [processes, pid]),
      [[1, actor.pid]],
    );
  });

  it("tells two private instances of one pid namespace from the one its processes have", async () => {
    const actor = await startInside();
    // as a container has it: one at /proc that hides the host's
    await actor.ok("mount", "proc", "/proc", "proc", 0, null);
    await attach(actor, await makeDetached(actor, { hidepid: "invisible", gid: "4" }), first);
    await attach(actor, await makeDetached(actor, { hidepid: "noaccess", gid: "5" }), second);
    const found = instances();
    const [usual, one, other] = ["/proc", first, second].map((target) => at(actor, target, found));
    assert.deepEqual(optionsOf(usual!), { hidepid: "off", gid: 0, subset: null });
    assert.deepEqual(optionsOf(one!), { hidepid: "invisible", gid: 4, subset: null });
    assert.deepEqual(optionsOf(other!), { hidepid: "noaccess", gid: 5, subset: null });
    assert.deepEqual(
      [usual, one, other].map((instance) => [instance?.pidNs, instance?.private]),
      [
        [actor.inum("pid"), false],
        [actor.inum("pid"), true],
        [actor.inum("pid"), true],
      ],
    );
    const host = found.find((instance) => instance.host === true);
    const [covered] = placesOf(actor, host!);
    assert.deepEqual([covered?.path, covered?.covered], ["/proc", true]);
  });

  it("sees a remount through a bind change the original", async () => {
    const actor = await start();
    await actor.ok("mount", "proc", first, "proc", 0, null);
    await actor.ok("mount", first, second, null, MS_BIND, null);
    const before = at(actor, first);
    assert.equal(before.hidepid, "off");
    await actor.ok("mount", null, second, null, MS_REMOUNT, "hidepid=invisible");
    const after = at(actor, first);
    assert.deepEqual([after.dev, after.hidepid, after.private], [before.dev, "invisible", true]);
    assert.deepEqual(
      placesOf(actor, after).map(({ path, root }) => [path, root]),
      [
        [first, "/"],
        [second, "/"],
      ],
    );
    assert.match(actor.mountsOn(first).at(-1)?.["fs-options"] ?? "", /hidepid=invisible/);
  });

  it("names what stands on files of a procfs as LXCFS does, and waits for no FUSE", async () => {
    const actor = await start();
    await actor.ok("mount", "proc", first, "proc", 0, null);
    const file = join(folder, "meminfo");
    writeFileSync(file, "MemTotal: 1 kB\n");
    await actor.ok("mount", file, `${first}/meminfo`, null, MS_BIND, null);
    const fuse = spawn(
      "nsenter",
      ["--mount", "--target", String(actor.pid), buildProgram("silent-fuse.c"), `${first}/tty`],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    try {
      await once(fuse.stdout, "data");
      const [place] = placesOf(actor, at(actor, first));
      const type = execFileSync("findmnt", ["-n", "-o", "FSTYPE", "--target", file], { encoding: "utf8" });
      assert.deepEqual(place?.covers.map(({ path, kind, fsType }) => [path, kind, fsType]).sort(), [
        ["/meminfo", "other", type.trim()],
        ["/tty", "other", "fuse"],
      ]);
    } finally {
      fuse.kill("SIGKILL");
      await once(fuse, "exit");
    }
  });
});

const lacksPidns = isSince(6, 18) ? false : "pidns= needs Linux 6.18";

describe("instances of another pid namespace", { skip: lacksPidns }, () => {
  /** Whether `target` shows the processes of `inner`, as whoever is on the host sees them. */
  function assertShows(actor: Actor, target: string, inner: Actor): void {
    assert.equal(inside(actor, "cat", `${target}/1/comm`), "actor\n");
    assert.throws(() => inside(actor, "readlink", `${target}/self`), "the host's readers are not in it");
    const instance = at(actor, target);
    assert.deepEqual([instance.pidNs, instance.pidLevel], [inner.inum("pid"), 1]);
    assert.deepEqual(
      placesOf(actor, instance).map(({ path }) => path),
      [target],
    );
  }

  it("is found by descriptor, by path and by mount(2)", async () => {
    const [actor, inner] = [await start(), await startInside()];
    const path = `/proc/${inner.pid}/ns/pid`;

    const namespace = await actor.ok("open", path, 0, 0);
    const context = await actor.ok("fsopen", "proc", 0);
    await actor.ok("fsconfig", context, SET_FD, "pidns", null, namespace);
    await actor.ok("fsconfig", context, CREATE, null, null, 0);
    await attach(actor, await actor.ok("fsmount", context, 0, 0), first);
    assertShows(actor, first, inner);

    await attach(actor, await makeDetached(actor, { pidns: path }), second);
    assertShows(actor, second, inner);

    await actor.ok("umount2", first, 0);
    await actor.ok("mount", "proc", first, "proc", 0, `pidns=${path}`);
    assertShows(actor, first, inner);
  });

  it("is refused without CAP_SYS_ADMIN over it, for one that is no descendant, and on a remount", async () => {
    const inner = await startInside();
    const path = `/proc/${inner.pid}/ns/pid`;

    const mapped = await start("--user", "--map-root-user");
    const unprivileged = await mapped.ok("fsopen", "proc", 0);
    const eperm = await mapped.call("fsconfig", unprivileged, SET_STRING, "pidns", "/proc/self/ns/pid", 0);
    assert.equal(eperm.errno, EPERM);

    const sibling = await startInside();
    const foreign = await sibling.ok("fsopen", "proc", 0);
    const einval = await sibling.call("fsconfig", foreign, SET_STRING, "pidns", path, 0);
    assert.equal(einval.errno, EINVAL);

    const actor = await start();
    await actor.ok("mount", "proc", first, "proc", 0, null);
    const ebusy = await actor.call("mount", null, first, null, MS_REMOUNT, `pidns=${path}`);
    assert.equal(ebusy.errno, EBUSY);

    const found = instances();
    assert.equal(at(actor, first, found).pidNs, INIT_PID_NS);
    const shown = [inner, sibling].map((one) => one.inum("pid"));
    assert.deepEqual(
      found.filter(({ pidNs }) => shown.includes(pidNs!)),
      [],
      "none of the attempts made an instance",
    );
  });
});

describe("instances that are mounted nowhere", () => {
  it("are listed with whoever holds them, and when they are passed on with the new holder", async () => {
    const [maker, taker] = [await start(), await start()];
    const fd = await makeDetached(maker, { subset: "pid", hidepid: "ptraceable" });
    const held = instances().find(({ holders }) => holders.some(({ pid }) => pid === maker.pid));
    const again = () => instances().find(({ dev }) => dev === held?.dev);
    assert.deepEqual(optionsOf(held!), { hidepid: "ptraceable", gid: 0, subset: "pid" });
    assert.deepEqual([held?.keeper, held?.places, held?.private], ["files", [], true]);
    assert.deepEqual(
      held?.holders.map(({ pid, fd: number, comm, detached, root }) => [pid, number, comm, detached, root]),
      [[maker.pid, fd, "actor", true, true]],
    );

    const socket = join(folder, "socket");
    await taker.ok("listen", socket);
    await maker.ok("give", socket, fd);
    await maker.ok("close", fd);
    const inFlight = again();
    assert.deepEqual([inFlight?.keeper, inFlight?.holders], ["kernel", []]);

    const taken = await taker.ok("take");
    const passed = again();
    assert.deepEqual(
      passed?.holders.map(({ pid, fd: number, detached, root }) => [pid, number, detached, root]),
      [[taker.pid, taken, true, true]],
    );
    await taker.ok("close", taken);
    // the device number can be another instance's by now
    assert.notEqual(again()?.hidepid, "ptraceable");
  });
});
