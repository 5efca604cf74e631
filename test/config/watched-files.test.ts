import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { watchFiles } from "../../src/config/watched-files.js";

/**
 * A directory with a configuration file, and one of drop-ins in it, which `make` makes if it is another; `changed` resolves at
 * the next change.
 */
function watched(t: TestContext, make: (dropIns: string) => void = (dropIns) => void mkdirSync(dropIns)) {
  const directory = mkdtempSync(join(tmpdir(), "keyhole-watch-"));
  const dropIns = join(directory, "conf.d");
  make(dropIns);
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

/** That something is a change, and that what is in the directory afterwards is watched. */
async function seen(one: ReturnType<typeof watched>, change: () => void): Promise<void> {
  const first = one.changed();
  change();
  await first;
  const next = one.changed();
  writeFileSync(join(one.dropIns, "b.yaml"), "");
  await next;
}

test("a directory that is made later is a change, and is watched from then on", async (t) => {
  const one = watched(t, () => {});
  await seen(one, () => mkdirSync(one.dropIns));
});

test("so is one whose parents are missing too", async (t) => {
  const one = watched(t, (dropIns) => symlinkSync(join(dropIns, "../far/away"), dropIns));
  const first = one.changed();
  mkdirSync(join(one.directory, "far"));
  await first;
  await seen(one, () => mkdirSync(join(one.directory, "far/away")));
});

test("a directory that is replaced by renaming is a change, and the new one is watched", async (t) => {
  const one = watched(t);
  await seen(one, () => {
    mkdirSync(join(one.directory, "new"));
    renameSync(one.dropIns, join(one.directory, "old"));
    renameSync(join(one.directory, "new"), one.dropIns);
  });
  await seen(one, () => {
    rmSync(one.dropIns, { recursive: true });
    mkdirSync(one.dropIns);
  });
});

test("a link to a directory that is swapped, as that of a volume of Kubernetes, is a change", async (t) => {
  const one = watched(t, (dropIns) => {
    mkdirSync(join(dropIns, "../..2026_1/conf.d"), { recursive: true });
    symlinkSync("..2026_1", join(dropIns, "../..data"));
    symlinkSync("..data/conf.d", dropIns);
  });
  mkdirSync(join(one.directory, "..2026_2/conf.d"), { recursive: true });
  await seen(one, () => {
    symlinkSync("..2026_2", join(one.directory, "..data_tmp"));
    renameSync(join(one.directory, "..data_tmp"), join(one.directory, "..data"));
  });
});

test("a file that is a link is watched where it is", async (t) => {
  const one = watched(t);
  mkdirSync(join(one.directory, "elsewhere"));
  writeFileSync(join(one.directory, "elsewhere/real.conf"), "");
  const replaced = one.changed();
  rmSync(join(one.directory, "keyhole.conf"));
  symlinkSync("elsewhere/real.conf", join(one.directory, "keyhole.conf"));
  await replaced;
  const written = one.changed();
  writeFileSync(join(one.directory, "elsewhere/real.conf"), "x");
  await written;
});

test("a link that leads in a circle is no reason to go round for ever", (t) => {
  watched(t, (dropIns) => symlinkSync("conf.d", dropIns));
});
