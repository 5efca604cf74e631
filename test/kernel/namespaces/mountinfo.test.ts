import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { HostPath } from "../../../src/kernel/host-path.js";
import { type Mount, readMountinfo } from "../../../src/kernel/mountinfo.js";
import { requireRoot, stop } from "./nested.js";

interface FindmntRow {
  readonly id: number;
  readonly parent: number;
  readonly "maj:min": string;
  readonly fsroot: string;
  readonly target: string;
  readonly "vfs-options": string;
  readonly "fs-options": string;
  readonly fstype: string;
  readonly source: string;
  readonly propagation: string;
}

const host = new HostPath();

/** Runs `script` in a mount namespace of its own, where /mnt is an empty tmpfs, and keeps that alive for `look`. */
async function inMountNamespace(script: string, look: (pid: number) => void): Promise<void> {
  requireRoot();
  const whole = `set -e; mount -t tmpfs scratch /mnt; cd /mnt; ${script}\necho ready; exec sleep 1000`;
  const args = ["--mount", "--propagation", "private", "bash", "-c", whole];
  const child = spawn("unshare", args, { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [text] = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
    assert.equal(String(text), "ready\n");
    look(child.pid!);
  } finally {
    await stop(child);
  }
}

/** libmount's own reading of the same table. */
function findmnt(pid: number): FindmntRow[] {
  const columns = "ID,PARENT,MAJ:MIN,FSROOT,TARGET,VFS-OPTIONS,FS-OPTIONS,FSTYPE,SOURCE,PROPAGATION";
  const args = ["-J", "-l", "-v", "-o", columns, "--task", String(pid)];
  return JSON.parse(execFileSync("findmnt", args, { encoding: "utf8" })).filesystems;
}

function asFindmnt(mount: Mount): FindmntRow {
  const { shared, master, unbindable } = mount.propagation;
  const words = [shared === undefined ? "private" : "shared"];
  if (master !== undefined) words.push("slave");
  if (unbindable === true) words.push("unbindable");
  return {
    id: mount.id,
    parent: mount.parent,
    "maj:min": mount.dev,
    fsroot: mount.deleted === true ? `${mount.root}//deleted` : mount.root,
    target: mount.point,
    "vfs-options": mount.options.join(","),
    "fs-options": mount.superOptions.join(","),
    fstype: mount.fsType,
    source: mount.source,
    propagation: words.join(","),
  };
}

const WEIRD = `
mkdir 'a b' $'tab\\there' $'new\\nline' 'back\\slash' '\\\\040' 'hash#' 'grüße 世界' 'comma,dir' '-' 'x - y'
for d in 'a b' $'tab\\there' $'new\\nline' 'back\\slash' '\\\\040' 'hash#' 'grüße 世界' '-' 'x - y'; do
  mount -t tmpfs -o size=64k,nosuid,noexec "src $d" "$d"
done
mkdir s m u; mount -t tmpfs shared s; mount --make-shared s
mount --bind s m; mount --make-slave m; mount --bind m u; mount --make-shared m
mount -t tmpfs none 'comma,dir'; mount --make-unbindable 'comma,dir'
mount --bind 'a b' u; mount -o remount,bind,ro u
mkdir p; mount -t proc -o hidepid=invisible,gid=5 proc p; mkdir g; mount --bind p/sys g
`;

test("reads what findmnt reads, whatever the paths are made of", async () => {
  await inMountNamespace(WEIRD, (pid) => {
    const mounts = readMountinfo(host, pid)!;
    const theirs = new Map(findmnt(pid).map((row) => [row.id, row]));
    assert.ok(mounts.filter(({ point }) => point.startsWith("/mnt/")).length >= 16);
    assert.equal(mounts.length, theirs.size);
    for (const mount of mounts) assert.deepEqual(asFindmnt(mount), theirs.get(mount.id));
  });
});

test("reads deleted roots and bytes that are not UTF-8", async () => {
  const script = `
    mkdir gone here $'\\xff\\xc3 x'; mount --bind gone here; rmdir gone
    mount -t tmpfs $'s\\xfe' $'\\xff\\xc3 x'`;
  await inMountNamespace(script, (pid) => {
    const mounts = readMountinfo(host, pid)!;
    const deleted = mounts.find(({ point }) => point === "/mnt/here");
    assert.equal(deleted?.root, "/gone");
    assert.equal(deleted?.deleted, true);
    const odd = mounts.find(({ raw }) => raw !== undefined);
    assert.equal(odd?.point, "/mnt/\ufffd\ufffd x");
    assert.deepEqual(odd?.raw, {
      point: Buffer.concat([Buffer.from("/mnt/"), Buffer.from([0xff, 0xc3]), Buffer.from(" x")]),
      source: Buffer.from([0x73, 0xfe]),
    });
  });
});

test("a zombie has no table", async () => {
  // The shell does not wait for the process it was replaced by sleep with.
  const script = "sleep 0 & echo $!; exec sleep 1000";
  const child = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const zombie = Number(String((await once(child.stdout, "data"))[0]));
    const state = (): string =>
      execFileSync("ps", ["-o", "stat=", "-p", String(zombie)], { encoding: "utf8" });
    while (!state().startsWith("Z")) await new Promise(setImmediate);
    assert.equal(readMountinfo(host, zombie), null);
  } finally {
    await stop(child);
  }
});
