import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type ProcfsCommandOptions, procfs } from "../../../src/commands/procfs.js";
import { KeyholeError } from "../../../src/errors.js";
import { isSince } from "../../../src/kernel/release.js";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { type BundleOptions, Bundles } from "../exposures/bundle.js";
import { Actor } from "../stories/actor.js";

const PREFIX = `keyhole-procfs-${process.pid}`;
const CASES: Readonly<Record<string, BundleOptions>> = { plain: {}, unmasked: { unmasked: true } };
const idOf = (name: string) => `${PREFIX}-${name}`;
const folder = temporaryFolder();
let bundles: Bundles;

before(() => {
  assert.equal(process.getuid?.(), 0, "containers need root");
  bundles = new Bundles();
  for (const [name, options] of Object.entries(CASES)) bundles.run(idOf(name), options);
});

after(() => bundles[Symbol.dispose]());

async function run(options: Partial<ProcfsCommandOptions> = {}): Promise<string> {
  let output = "";
  const write = (text: string) => {
    output += text;
  };
  const status = await procfs({ output: "table", hostRoot: "/", color: false, write, ...options });
  assert.equal(status, 0);
  return output;
}

async function runJson<T>(options: Partial<ProcfsCommandOptions> = {}): Promise<T> {
  return JSON.parse(await run({ ...options, output: "json" })) as T;
}

test("the tree of one container is its instance, the mount and the container below it", async () => {
  const lines = (await run({ container: idOf("plain") })).split("\n");
  assert.match(lines[0]!, /^INSTANCE +NS +OPTIONS +NOTES$/);
  assert.match(lines[1]!, /^\d+:\d+ +pid:\d+ hidepid=off level 1, owner user:4026531837$/);
  assert.match(lines[2]!, /^└─\/proc +mnt:\d+ rw +\d+ masks, 4 read-only$/);
  assert.match(lines[3]!, new RegExp(`^ {2}└─${idOf("plain")} +1 process \\d+ pause$`));
  assert.deepEqual(lines.slice(4), [""]);
  const bare = await run({ container: idOf("plain"), noHeader: true });
  assert.equal(bare, lines.slice(1).join("\n"));
});

test("JSON has what the tree has, and says whether that is all", async () => {
  const id = idOf("unmasked");
  const { schema, complete, not_seen, instances } = await runJson<{
    schema: number;
    complete: boolean;
    not_seen: unknown[];
    instances: {
      dev: string;
      pid_ns: number;
      host: boolean;
      places: { path: string; old_id: number; covers: unknown[]; viewers: { container: { id: string } }[] }[];
    }[];
  }>({ container: id });
  assert.equal(schema, 1);
  assert.equal(complete, not_seen.length === 0);
  assert.equal(instances.length, 1);
  const [instance] = instances;
  const { pid } = JSON.parse(execFileSync("runc", ["state", id], { encoding: "utf8" })) as { pid: number };
  const row = execFileSync("findmnt", ["-N", String(pid), "-n", "-o", "ID,MAJ:MIN", "-M", "/proc"], {
    encoding: "utf8",
  });
  assert.deepEqual([String(instance?.places[0]?.old_id), instance?.dev], row.trim().split(/\s+/));
  const link = execFileSync("readlink", [`/proc/${pid}/ns/pid`], { encoding: "utf8" });
  assert.equal(`pid:[${instance?.pid_ns}]`, link.trim());
  assert.deepEqual(
    instance?.places.map(({ path, covers, viewers }) => [
      path,
      covers,
      viewers.map((one) => one.container.id),
    ]),
    [["/proc", [], [id]]],
  );
});

test("a filter by process keeps what it can see", async () => {
  const { instances } = await runJson<{
    instances: { places: { viewers: { first: { pid: number } }[] }[] }[];
  }>({
    pid: process.pid,
  });
  assert.ok(instances.length > 0);
  const { pid } = JSON.parse(execFileSync("runc", ["state", idOf("plain")], { encoding: "utf8" })) as {
    pid: number;
  };
  const viewers = instances.flatMap(({ places }) => places.flatMap((place) => place.viewers));
  assert.equal(
    viewers.some(({ first }) => first.pid === pid),
    false,
  );
});

test("reach is a table of what is severe for one container, and of how much for all", async () => {
  const one = await run({ reach: true, container: idOf("unmasked") });
  assert.match(
    one,
    /^SEVERITY +READ +WRITE +ENTRY +PATH +WHY\ncritical +yes +yes +core-pattern +\/proc\/sys\/kernel\/core_pattern\n/,
  );
  assert.match(
    one,
    new RegExp(`container ${idOf("unmasked")}, process \\d+: uid 0 of the host, the host's root`),
  );
  const all = await run({ reach: true });
  const line = (name: string) => all.split("\n").find((text) => text.includes(` ${idOf(name)} `));
  assert.match(line("unmasked")!, /^critical +1 /);
  assert.match(line("plain")!, /^medium +0 +0 /);
  const { containers } = await runJson<{
    containers: { container: string; severity: string; reaches?: unknown[] }[];
  }>({
    reach: true,
    container: idOf("plain"),
  });
  assert.deepEqual(
    containers.map(({ container, severity }) => [container, severity]),
    [[idOf("plain"), "medium"]],
  );
  assert.ok((containers[0]?.reaches?.length ?? 0) > 300);
});

test("a container that is not there, or is named by what two have, is an error", async () => {
  for (const container of ["no-such-container", PREFIX]) {
    await assert.rejects(run({ container }), (error) => {
      assert.ok(error instanceof KeyholeError);
      assert.equal(error.code, "KEYHOLE_PROCFS_TARGET");
      return true;
    });
  }
});

test("paths of a container are harmless on a terminal and exact in JSON", async () => {
  const actor = await Actor.start(buildProgram("actor.c"));
  try {
    const path = join(folder, "\u001b[31mred\u202e");
    mkdirSync(path);
    await actor.ok("mount", "proc", path, "proc", 0, null);
    const text = await run({ pid: actor.pid });
    assert.equal(text.includes("\u001b"), false);
    assert.equal(text.includes("\u202e"), false);
    assert.ok(text.includes("\\x1b[31mred\\u{202e}"));
    const { instances } = await runJson<{ instances: { places: { path: string }[] }[] }>({ pid: actor.pid });
    assert.ok(instances.some(({ places }) => places.some((place) => place.path === path)));
  } finally {
    await actor.end();
  }
});

const lacksStatmount = isSince(6, 13)
  ? false
  : "a mount namespace without processes can be read since Linux 6.13";

test("one that only a bind mount's namespace has is at a place with nobody there", {
  skip: lacksStatmount,
}, async () => {
  const bound = join(folder, "private");
  const [file, target] = [join(bound, "ns"), join(folder, "target")];
  mkdirSync(bound);
  mkdirSync(target);
  execFileSync("mount", ["--bind", bound, bound]);
  try {
    execFileSync("mount", ["--make-private", bound]);
    writeFileSync(file, "");
    execFileSync("unshare", [
      `--mount=${file}`,
      "mount",
      "-t",
      "proc",
      "-o",
      "subset=pid,hidepid=2",
      "proc",
      target,
    ]);
    const { instances } = await runJson<{
      instances: {
        hidepid: string;
        subset: string;
        keeper: string;
        places: { path: string; viewers: unknown[] }[];
      }[];
    }>();
    const found = instances.filter(({ places }) => places.some(({ path }) => path === target));
    assert.deepEqual(
      found.map(({ hidepid, subset, keeper, places }) => [
        hidepid,
        subset,
        keeper,
        places.map(({ viewers }) => viewers),
      ]),
      [["invisible", "pid", "mounts", [[]]]],
    );
  } finally {
    execFileSync("umount", ["--recursive", bound]);
  }
});
