import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { watchFiles } from "../../src/config/watched-files.js";

/** A directory with a configuration file, and one of drop-ins in it; `changed` resolves at the next change. */
function watched(t: TestContext) {
  const directory = mkdtempSync(join(tmpdir(), "keyhole-watch-"));
  const dropIns = join(directory, "conf.d");
  mkdirSync(dropIns);
  writeFileSync(join(directory, "keyhole.conf"), "");
  let tell = () => {};
  let changes = 0;
  const end = watchFiles(
    { files: [join(directory, "keyhole.conf")], directories: [dropIns] },
    () => {
      changes++;
      tell();
    },
    (path, error) => assert.fail(`${path}: ${error}`),
  );
  // the timers of what is watched keep no process alive
  const alive = setInterval(() => {}, 1_000);
  t.after(() => {
    end();
    clearInterval(alive);
    rmSync(directory, { recursive: true });
  });
  const changed = () =>
    new Promise<void>((resolve) => {
      tell = resolve;
    });
  return { directory, dropIns, changed, changes: () => changes };
}

test("a file that is written or replaced is a change, and so is one of the directory", async (t) => {
  const { directory, dropIns, changed } = watched(t);
  const written = changed();
  writeFileSync(join(directory, "keyhole.conf"), "x");
  await written;
  const replaced = changed();
  writeFileSync(join(directory, "new"), "y");
  renameSync(join(directory, "new"), join(directory, "keyhole.conf"));
  await replaced;
  const added = changed();
  writeFileSync(join(dropIns, "a.yaml"), "");
  await added;
  const volume = changed();
  symlinkSync("elsewhere", join(dropIns, "..data"));
  await volume;
});

test("what else is written beside them is none", async (t) => {
  const { directory, dropIns, changed, changes } = watched(t);
  writeFileSync(join(directory, "events.json"), "x");
  writeFileSync(join(directory, "other.yaml"), "x");
  writeFileSync(join(dropIns, "a.yaml.swp"), "x");
  // longer than changes are collected for
  await new Promise((resolve) => setTimeout(resolve, 600));
  assert.equal(changes(), 0);
  const one = changed();
  writeFileSync(join(dropIns, "a.yaml"), "");
  await one;
  assert.equal(changes(), 1);
});
