import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { HostPath } from "../../../src/kernel/host-path.js";
import { isSince } from "../../../src/kernel/release.js";
import { takeSnapshot } from "../../../src/namespaces/snapshot.js";
import { requireRoot, stop } from "./nested.js";

const SCRIPT = fileURLToPath(new URL("detached.py", import.meta.url));

test("tells who holds a procfs that is in no mount table, and by what", async () => {
  requireRoot();
  const folder = mkdtempSync(join(tmpdir(), "keyhole-detached-"));
  // in a mount namespace of its own, so that nothing is left behind
  const child = spawn("unshare", ["--mount", "--propagation", "private", "python3", SCRIPT, folder], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const look = () => {
    const snapshot = takeSnapshot(new HostPath(), { tasks: false, openFiles: true, superblocks: true });
    snapshot.close();
    const files = snapshot.openFiles!.procfs.filter(({ pid }) => pid === child.pid);
    return { files, superblocks: snapshot.superblocks!.superblocks };
  };
  try {
    const { detached, below, attached, dev } = JSON.parse((await lines.next()).value);
    const first = look();
    assert.deepEqual(
      first.files.map(({ fd, dev, detached, root }) => ({ fd, dev, detached, root })),
      [
        { fd: detached, dev, detached: true, root: true },
        { fd: below, dev, detached: true, root: false },
      ].sort((a, b) => a.fd - b.fd),
    );
    assert.ok(first.superblocks.some((superblock) => superblock.dev === dev));
    const [mountId, ...others] = new Set(first.files.map((file) => file.mountId));
    assert.deepEqual(others, []);
    // mounts have ids that are never used again since 6.8
    if (isSince(6, 8)) assert.match(mountId!, /^[1-9]\d+$/);
    else assert.equal(mountId, null);

    child.stdin.write("\n");
    await lines.next();
    // what was taken away lazily lives on in whatever is open in it
    assert.deepEqual(
      look().files.map(({ fd }) => fd),
      [detached, below, attached].sort((a, b) => a - b),
    );
  } finally {
    await stop(child);
    rmdirSync(folder);
  }
});
