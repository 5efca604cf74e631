import assert from "node:assert/strict";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { KeyholeError } from "../../src/errors.js";
import { loadEntries } from "../../src/exposures/entries.js";
import { EntryIndex } from "../../src/exposures/entry-index.js";
import { DEFAULT_GAPS, MASK_FLOOR, READONLY_FLOOR } from "../../src/mounts/mask-lists.js";

const folder = mkdtempSync(join(tmpdir(), "keyhole-entries-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const ENTRY = `- id: one
  paths: [/one]
  scope: global
  default: open
  read:
    effect: something
    severity: { host_root: low }
  references: [somewhere]
`;

/** What is said of a catalogue that is one file with `text`. */
function refusal(text: string): string {
  writeFileSync(join(folder, "a.yaml"), text);
  try {
    loadEntries(folder);
  } catch (error) {
    assert.ok(error instanceof KeyholeError);
    assert.equal(error.code, "KEYHOLE_CATALOGUE");
    return (error.found ?? "").replaceAll(folder, "");
  }
  return "nothing";
}

test("the catalogue that Keyhole comes with can be used, and every entry has both ends of its scope", () => {
  const { entries, names } = loadEntries();
  assert.ok(entries.length > 90);
  assert.ok(names.flatMap((group) => group.names).includes("kallsyms"));
  for (const { id, scope, read, write } of entries) {
    const hasShared = read?.shared !== undefined || write?.shared !== undefined;
    if (hasShared) assert.notEqual(scope, "global", `${id} is shared by all`);
  }
});

test("every path that runtimes mask or protect, or leave open although others mask it, is in it", () => {
  const index = new EntryIndex(loadEntries(), "proc", [6, 18]);
  const sysfs = new EntryIndex(loadEntries(), "sysfs", [6, 18]);
  for (const path of [...MASK_FLOOR, ...READONLY_FLOOR, ...DEFAULT_GAPS]) {
    const isProc = path.startsWith("/proc/");
    const inside = isProc ? path.slice("/proc".length) : path;
    const found = (one: string) => (isProc ? index : sysfs).find(one) !== null;
    // of a directory, what is in it
    const examples = ["", "/x", "/control", "/vm/x"].map((rest) => inside + rest);
    assert.ok(examples.some(found), path);
  }
});

test("the most specific pattern of a path counts", () => {
  const index = new EntryIndex(loadEntries(), "proc", [6, 18]);
  const ids = {
    "/sys/kernel/core_pattern": "core-pattern",
    "/sys/kernel/perf_event_paranoid": "perf-paranoid",
    "/sys/kernel/perf_event_mlock_kb": "kernel-settings",
    "/sys/kernel/random/boot_id": "kernel-facts",
    "/sys/kernel/random/write_wakeup_threshold": "kernel-settings",
    "/sys/vm/panic_on_oom": "panic",
    "/sys/vm/swappiness": "vm-settings",
    "/sys/net/ipv4/conf/all/route_localnet": "net-settings",
    "/sys/net/core/bpf_jit_harden": "bpf-jit",
    "/irq/7/smp_affinity": "irq-affinity",
    "/irq/7/spurious": "irq",
  };
  for (const [path, id] of Object.entries(ids)) assert.equal(index.find(path)?.id, id, path);
  assert.equal(index.find("/sys/kernel/vendor_knob"), null);
  assert.equal(index.find("/sys"), null);
});

test("a name is known for the kernels that have it", () => {
  const [old, recent] = [
    [5, 10],
    [6, 18],
  ].map((release) => new EntryIndex(loadEntries(), "proc", release as [number, number]));
  assert.deepEqual([old?.isKnownName("/sched_debug"), recent?.isKnownName("/sched_debug")], [true, false]);
  assert.deepEqual([recent?.isKnownName("/driver/x"), recent?.isKnownName("/nvidia/x")], [true, false]);
});

test("what is wrong in a file is named with its place", () => {
  assert.equal(refusal(ENTRY), "nothing");
  assert.match(refusal(ENTRY.replace("scope: global", "scope: planet")), /^\/a\.yaml:3:10: scope: /);
  assert.match(refusal(`${ENTRY}  colour: red\n`), /^\/a\.yaml:9:11: colour: /);
  assert.match(refusal(ENTRY.replace("/one]", "one]")), /^\/a\.yaml:2:11: paths\.0: a path or a pattern/);
  assert.match(
    refusal(ENTRY.replace("host_root: low", "host_root: huge")),
    /^\/a\.yaml:7:28: read\.severity/,
  );
  assert.match(refusal(ENTRY.replace(/ {2}read:[\s\S]*low \}\n/, "")), /what reading or writing it gives/);
  assert.match(refusal(`${ENTRY}- id: [`), /^\/a\.yaml:9:/);
  assert.match(refusal(`${ENTRY}  gate: ptrace\n`), /a gate for entries of processes only/);
});

test("a catalogue that is not there is refused", () => {
  const found = (directory: string) => {
    try {
      loadEntries(directory);
    } catch (error) {
      assert.ok(error instanceof KeyholeError);
      return error.found;
    }
    return null;
  };
  assert.equal(found(join(folder, "none")), `${join(folder, "none")}: ENOENT`);
  const empty = mkdtempSync(join(folder, "empty-"));
  assert.equal(found(empty), `${empty}: no file of the catalogue is there`);
});

test("an entry that shadows another is refused with both places", () => {
  assert.match(
    refusal(ENTRY + ENTRY.replace("/one", "/two")),
    /^\/a\.yaml:9:3: id one is already at \/a\.yaml:1:3$/,
  );
  const claims = refusal(ENTRY + ENTRY.replace("id: one", "id: two"));
  assert.match(claims, /^\/a\.yaml:9:3: proc:\/one is already at \/a\.yaml:1:3$/);
});

test("the files of the catalogue are what the package has to contain", () => {
  const own = new URL("../../src/exposures/catalogue/", import.meta.url).pathname;
  cpSync(own, join(folder, "copy"), { recursive: true });
  assert.deepEqual(loadEntries(join(folder, "copy")), loadEntries());
  for (const file of readdirSync(own)) {
    assert.match(file, /\.yaml$/);
    assert.ok(readFileSync(join(own, file), "utf8").startsWith("#"), `${file} says what it is`);
  }
});
