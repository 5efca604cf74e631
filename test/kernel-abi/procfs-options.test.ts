import assert from "node:assert/strict";
import { test } from "node:test";
import {
  parseKernelUint,
  parseProcfsOptions,
  readProcfsOption,
  readProcfsOptions,
} from "../../src/kernel/procfs-options.js";

test("reads the options as mountinfo shows them", () => {
  assert.deepEqual(parseProcfsOptions(["rw", "hidepid=invisible", "subset=pid"]), {
    hidepid: "invisible",
    gid: 0,
    subset: "pid",
    refused: [],
  });
  assert.deepEqual(parseProcfsOptions(["ro", "gid=24", "hidepid=ptraceable"]), {
    hidepid: "ptraceable",
    gid: 24,
    subset: null,
    refused: [],
  });
  assert.deepEqual(parseProcfsOptions(["rw"]), { hidepid: "off", gid: 0, subset: null, refused: [] });
});

test("reads numbers of any base, and the last one wins", () => {
  const hidepid = (data: string): string => parseProcfsOptions(data).hidepid;
  assert.equal(hidepid("hidepid=0x2"), "invisible");
  assert.equal(hidepid("hidepid=02"), "invisible");
  assert.equal(hidepid("hidepid=+1"), "noaccess");
  assert.equal(hidepid("hidepid=4\n"), "ptraceable");
  assert.equal(hidepid("hidepid=2,,hidepid=0"), "off");
  assert.equal(hidepid("hidepid=off,hidepid=noaccess,"), "noaccess");
});

test("lists what procfs refuses", () => {
  const refused = [
    "hidepid=3",
    "hidepid=010",
    "hidepid= 2",
    "hidepid=INVISIBLE",
    "hidepid",
    "gid=-1",
    "nosuid",
    "subset=",
  ];
  for (const option of refused) assert.deepEqual(parseProcfsOptions(option).refused, [option]);
  assert.deepEqual(parseProcfsOptions("hidepid=2,bogus,HIDEPID=1"), {
    hidepid: "invisible",
    gid: 0,
    subset: null,
    refused: ["bogus", "HIDEPID=1"],
  });
});

test("tells only what is stated, and what is not procfs's apart from what it does not take", () => {
  assert.deepEqual(
    readProcfsOptions("hidepid=invisible,gid=1000,subset=pid,pidns=/proc/1/ns/pid,ro,foo=bar,hidepid=3"),
    {
      hidepid: "invisible",
      gid: 1000,
      subset: "pid",
      pidns: "/proc/1/ns/pid",
      ro: true,
      unknown: ["foo=bar"],
      invalid: ["hidepid=3"],
    },
  );
  assert.deepEqual(readProcfsOptions("ro,rw,sync,lazytime=1"), { ro: false, vfs: ["sync", "lazytime"] });
  assert.deepEqual(readProcfsOptions(",,=x,="), {});
});

test("takes one source, from the call or from the list", () => {
  assert.deepEqual(readProcfsOptions("source=a"), { source: "a" });
  assert.deepEqual(readProcfsOptions("source=a,source=b"), { source: "a", invalid: ["source=b"] });
  assert.deepEqual(readProcfsOptions("source=a", true), { invalid: ["source=a"] });
});

test("reads one option as fsconfig(2) gives it", () => {
  assert.deepEqual(readProcfsOption("subset", "pid,,pid"), { subset: "pid" });
  assert.deepEqual(readProcfsOption("subset", ","), {});
  assert.deepEqual(readProcfsOption("subset", "pid,net"), { invalid: ["subset=pid,net"] });
  assert.deepEqual(readProcfsOption("ro", null), { ro: true });
  assert.deepEqual(readProcfsOption("ro", "no"), { ro: true });
  assert.deepEqual(readProcfsOption("hidepid", null), { invalid: ["hidepid"] });
  assert.deepEqual(readProcfsOption("nosuid", null), { unknown: ["nosuid"] });
});

test("parses numbers as kstrtouint() with base 0", () => {
  const cases: [string, number | null][] = [
    ["0", 0],
    ["00", 0],
    ["0x1F", 31],
    ["010", 8],
    ["+7\n", 7],
    ["4294967295", 4294967295],
    ["4294967296", null],
    ["0x", null],
    ["08", null],
    ["", null],
    ["-1", null],
    ["1 ", null],
    ["1\n\n", null],
  ];
  for (const [text, number] of cases) assert.equal(parseKernelUint(text), number, JSON.stringify(text));
});
