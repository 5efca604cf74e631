import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readdirSync, readFileSync, statSync } from "node:fs";
import { before, test } from "node:test";
import { HostPath } from "../../../src/kernel/host-path.js";
import { readMountinfo } from "../../../src/kernel/mountinfo.js";
import { mountNamespaceId, withNamespace } from "../../../src/kernel/nsfs.js";
import { STATMOUNT_MNT_UIDMAP, STATMOUNT_SB_SOURCE, statmountMask } from "../../../src/kernel/statmount.js";
import { type MountNs, type MountTable, MountTables } from "../../../src/mounts/mount-tables.js";
import { buildProgram } from "../../programs/build.js";
import { Bundles } from "../exposures/bundle.js";
import { requireRoot } from "../namespaces/nested.js";
import { assertRows, parseRows, rowsOf, withoutPropagateFrom } from "./oracle.js";
import { mountNsOf, startShell, startWorld, WAIT, type World } from "./world.js";

const host = new HostPath();
const program = buildProgram("mounts.c", []);
/** Linux 6.13: what no process is in can be read, and both ways tell the same. */
const hasStatmount = (statmountMask() & STATMOUNT_SB_SOURCE) !== 0;
const NEEDS_STATMOUNT = hasStatmount ? false : "needs the statmount(2) of Linux 6.13";

before(requireRoot);

function read(ns: MountNs, via: MountTable["via"] | "auto" = "auto"): MountTable | undefined {
  const tables = new MountTables({ host, via });
  tables.refresh([ns]);
  return tables.get(ns.ns);
}

async function inWorld(started: Promise<World>, look: (pid: number) => void | Promise<void>): Promise<void> {
  const world = await started;
  try {
    await look(world.pid);
  } finally {
    await world.end();
  }
}

/** Reads the namespace of `pid` both ways and compares each with mountinfo. */
function assertBothWays(pid: number): MountTable {
  const expected = rowsOf(pid);
  const table = read(mountNsOf(pid), "mountinfo");
  assert.equal(table?.via, "mountinfo");
  assert.equal(table.reason, null);
  assertRows(table.mounts, expected);
  if (!hasStatmount) return table;
  const other = read(mountNsOf(pid), "statmount");
  assert.equal(other?.via, "statmount");
  assert.equal(other.reason, null);
  assertRows(other.mounts, withoutPropagateFrom(expected));
  // and what mountinfo has not
  const extra = (mounts: MountTable["mounts"]) => mounts.map(({ uniqueId, idmap }) => ({ uniqueId, idmap }));
  assert.deepEqual(extra(other.mounts), extra(table.mounts));
  for (const { uniqueId } of table.mounts) assert.ok(uniqueId !== undefined);
  return table;
}

test("every mount namespace of the machine is as mountinfo shows it", () => {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  const seen = new Set<string>();
  let compared = 0;
  for (const pid of pids.map(Number)) {
    let ns: MountNs;
    let expected: ReturnType<typeof rowsOf>;
    try {
      ns = mountNsOf(pid);
      expected = rowsOf(pid);
    } catch {
      // it ended, or no one may look at it
      continue;
    }
    if (seen.has(`${ns.ns}`) || expected.length === 0) continue;
    const table = read(ns);
    // others mount meanwhile: what is the same before and after must be what was read in between
    if (JSON.stringify(rowsOf(pid)) !== JSON.stringify(expected) || table === undefined) continue;
    seen.add(`${ns.ns}`);
    if (!table.complete) continue;
    assertRows(table.mounts, table.via === "statmount" ? withoutPropagateFrom(expected) : expected);
    compared++;
  }
  assert.ok(compared > 0);
});

test("names that need escapes, deleted roots, an overlay and stacked mounts", async () => {
  await inWorld(startWorld(program, ["odd"]), (pid) => {
    const { mounts } = assertBothWays(pid);
    const at = (point: string) => mounts.filter((mount) => mount.point === point);
    assert.equal(at("/mnt/a\nb - tmpfs x rw").length, 1);
    assert.equal(at("/mnt/a\\040b").length, 1);
    assert.deepEqual(at("/mnt/\ufffd\ufffd")[0]?.raw?.point, Buffer.from("/mnt/\xff\xfe", "latin1"));
    assert.equal(at("/mnt/on-gone")[0]?.deleted, true);
    assert.equal(at("/mnt/on-gone")[0]?.root, "/gone/x y");
    assert.equal(at("/mnt/on-replaced")[0]?.deleted, true);
    assert.equal(at("/mnt/overlay")[0]?.source, "over lay");
    assert.equal(at("/mnt/stack").length, 3);
    assert.equal(at("/mnt/sourceless")[0]?.source, "none");
  });
});

test("an idmapped mount has its maps", async (t) => {
  if ((statmountMask() & STATMOUNT_MNT_UIDMAP) === 0) return t.skip("needs the statmount(2) of Linux 6.15");
  await inWorld(startWorld(program, ["odd"]), (pid) => {
    const table = read(mountNsOf(pid), "mountinfo");
    const mount = table?.mounts.find(({ point }) => point === "/mnt/idmapped");
    assert.ok(mount?.options.includes("idmapped"));
    assert.deepEqual(mount?.idmap, { uid: ["0 100000 65536"], gid: ["0 200000 1000"] });
  });
});

test("containers of runc, with the host's user namespace and with one of their own", () => {
  using bundles = new Bundles();
  for (const userns of [false, true]) {
    const pid = bundles.run(`keyhole-mounts-${process.pid}-${userns}`, { userns });
    const { mounts } = assertBothWays(pid);
    assert.ok(mounts.some(({ point, root }) => point === "/proc/keys" && root === "/null"));
  }
});

test("thousands of mounts", async () => {
  await inWorld(startWorld(program, ["many", "3000"]), (pid) => {
    assert.ok(assertBothWays(pid).mounts.length > 3000);
  });
});

test("mounts that receive from a large group", async () => {
  await inWorld(startWorld(program, ["slaves", "1200"]), (pid) => {
    const { mounts } = assertBothWays(pid);
    assert.ok(mounts.filter(({ propagation }) => propagation.master !== undefined).length > 1200);
  });
});

test("shared subtrees: peers, receivers of receivers, unbindable", async () => {
  const script = `
    mkdir a b c d; mount -t tmpfs a a; mount --make-shared a; mkdir a/x
    mount --bind a b; mount --make-slave b; mount --make-shared b
    mount --bind b c; mount --make-slave c; mount -t tmpfs x a/x
    mount -t tmpfs d d; mount --make-unbindable d
    unshare --mount --propagation unchanged sleep 1000 & other=$!
    until [ "$(readlink /proc/$other/ns/mnt)" != "$(readlink /proc/$$/ns/mnt)" ]; do sleep 0.1; done
    umount --lazy b; echo ready $$; cat; kill $other`;
  await inWorld(startShell(script), (pid) => {
    const { mounts } = assertBothWays(pid);
    assert.ok(mounts.some(({ propagation }) => propagation.unbindable));
    assert.ok(mounts.some(({ propagation }) => propagation.propagateFrom !== undefined));
  });
});

/** The only process of the namespace has a root that is not the namespace's. */
const JAIL = "mkdir jail; mount --bind / jail; mkdir out; mount -t tmpfs out out; exec chroot jail";

test("a process in a chroot(2) does not make its namespace smaller", { skip: NEEDS_STATMOUNT }, async () => {
  await inWorld(startShell(`${JAIL} sh -c '${WAIT}'`), (pid) => {
    const seen = readMountinfo(host, pid);
    const table = read(mountNsOf(pid));
    assert.equal(table?.via, "statmount");
    assert.equal(table.reason, null);
    assert.ok(table.mounts.some(({ point }) => point === "/mnt/out"));
    assert.ok(!seen?.some(({ point }) => point === "/mnt/out"));
  });
});

test("without an id, what is seen from a chroot(2) is marked", async () => {
  await inWorld(startShell(`${JAIL} sh -c '${WAIT}'`), (pid) => {
    const table = read({ ...mountNsOf(pid), id: null });
    assert.equal(table?.complete, false);
    assert.match(table.reason ?? "", /^seen from a chroot\(2\)/);
    assertRows(table.mounts, rowsOf(pid));
  });
});

test("of several processes one whose root is the namespace's is taken", async () => {
  const script = `mkdir jail; mount --bind / jail; chroot jail sleep 1000 & echo ready $$; cat; kill $!`;
  await inWorld(startShell(script), (pid) => {
    const jailed = readFileSync(`/proc/${pid}/task/${pid}/children`, "latin1").trim().split(" ").map(Number);
    const table = read({ ...mountNsOf(pid), id: null, pids: [...jailed, pid] });
    assert.equal(table?.reason, null);
    assertRows(table.mounts, rowsOf(pid));
  });
});

test("a namespace that only a descriptor holds", { skip: NEEDS_STATMOUNT }, async () => {
  const world = await startWorld(program, ["odd"]);
  const fd = openSync(`/proc/${world.pid}/ns/mnt`, "r");
  const [ns, expected] = [mountNsOf(world.pid), rowsOf(world.pid)];
  await world.end();
  try {
    const table = read({ ...ns, pids: [] });
    assert.equal(table?.reason, null);
    assertRows(table.mounts, withoutPropagateFrom(expected));
  } finally {
    closeSync(fd);
  }
});

test("a namespace that only a bind mount holds", { skip: NEEDS_STATMOUNT }, async () => {
  // the kernel refuses to bind a namespace with a smaller id, and each CPU has its own stock of ids
  const script = `
    touch ns; mkdir in; bound=
    until [ "$bound" ]; do
      rm -f up
      unshare --mount sh -c 'mount -t tmpfs in in; cat /proc/self/mountinfo > table; echo up; exec sleep 1000' > up &
      until grep -qs up up; do sleep 0.1; done
      if mount --bind /proc/$!/ns/mnt ns 2> /dev/null; then bound=yes; fi
      kill $!; wait $! || :
    done
    ${WAIT}`;
  await inWorld(startShell(script), (pid) => {
    const scratch = `/proc/${pid}/root/mnt`;
    const id = withNamespace(`${scratch}/ns`, mountNamespaceId);
    assert.ok(id.ok);
    const ns = statSync(`${scratch}/ns`).ino;
    const table = read({ ns, id: String(id.value), pids: [], event: null });
    assert.equal(table?.reason, null);
    const expected = parseRows(readFileSync(`${scratch}/table`, "latin1"));
    assert.ok(expected.some(({ point }) => point === "/mnt/in"));
    assertRows(table.mounts, withoutPropagateFrom(expected));
  });
});

test("a namespace that is gone has no table", async () => {
  const world = await startWorld(program, ["many", "5"]);
  const ns = mountNsOf(world.pid);
  const tables = new MountTables({ host });
  tables.refresh([ns]);
  assert.equal(tables.get(ns.ns)?.complete, true);
  await world.end();
  assert.deepEqual([...tables.refresh([ns])], [ns.ns]);
  assert.equal(tables.get(ns.ns), undefined);
  assert.equal(tables.stats.mounts, 0);
});

test("a table that changes while it is read is whole, or marked", async () => {
  await inWorld(startWorld(program, ["churn"]), (pid) => {
    const tables = {
      mountinfo: new MountTables({ host, via: "mountinfo" }),
      statmount: new MountTables({ host, via: "statmount" }),
    };
    const ns = mountNsOf(pid);
    let complete = 0;
    for (let round = 0; round < 200; round++) {
      for (const via of hasStatmount ? (["mountinfo", "statmount"] as const) : (["mountinfo"] as const)) {
        tables[via].refresh([ns]);
        const table = tables[via].get(ns.ns);
        assert.ok(table !== undefined);
        if (!table.complete) {
          assert.match(table.reason ?? "", /changed|reached/);
          continue;
        }
        complete++;
        const ids = new Set(table.mounts.map(({ id }) => id));
        assert.equal(ids.size, table.mounts.length);
        for (const { point, parent } of table.mounts) assert.ok(point === "/" || ids.has(parent));
        assert.ok(
          table.mounts.filter(({ fsType, source }) => fsType === "tmpfs" && source === "churn").length <= 5,
        );
      }
    }
    assert.ok(complete > 0);
  });
});

test("what the kernel does not count is there after a touch", async () => {
  const script = `mkdir a b; mount -t tmpfs a a; mount --make-shared a; ${WAIT}`;
  await inWorld(startShell(script), (pid) => {
    const tables = new MountTables({ host, rechecks: 0 });
    const ns = mountNsOf(pid, 1n);
    tables.refresh([ns]);
    const mount = () => tables.get(ns.ns)?.mounts.find(({ point }) => point === "/mnt/a");
    assert.ok(mount()?.propagation.shared !== undefined);
    const inside = (...words: string[]) => execFileSync("nsenter", ["-m", "-t", String(pid), ...words]);
    inside("mount", "--make-private", "/mnt/a");
    tables.refresh([ns]);
    assert.ok(mount()?.propagation.shared !== undefined);
    tables.touch(ns.ns);
    assert.equal(
      tables.current(ns.ns)?.mounts.find(({ point }) => point === "/mnt/a")?.propagation.shared,
      undefined,
    );
    inside("mount", "-o", "remount,size=8k", "/mnt/a");
    tables.touchSuperblock(mount()!.dev);
    assert.deepEqual([...tables.refresh([ns])], [ns.ns]);
    assert.ok(mount()?.superOptions.includes("size=8k"));
    assert.equal(tables.stats.mountinfo, 3);
  });
});
