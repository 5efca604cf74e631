import assert from "node:assert/strict";
import { test } from "node:test";
import { parseKernelUint, parseProcfsOptions } from "../../src/kernel/procfs-options.js";

test("reads the options as mountinfo shows them", () => {
  assert.deepEqual(parseProcfsOptions(["rw", "hidepid=invisible", "subset=pid"]), {
    hidepid: "invisible",
    gid: 0,
    subset: "pid",
    unknown: [],
  });
  assert.deepEqual(parseProcfsOptions(["ro", "gid=24", "hidepid=ptraceable"]), {
    hidepid: "ptraceable",
    gid: 24,
    subset: null,
    unknown: [],
  });
  assert.deepEqual(parseProcfsOptions(["rw"]), { hidepid: "off", gid: 0, subset: null, unknown: [] });
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
  for (const option of refused) assert.deepEqual(parseProcfsOptions(option).unknown, [option]);
  assert.deepEqual(parseProcfsOptions("hidepid=2,bogus,HIDEPID=1"), {
    hidepid: "invisible",
    gid: 0,
    subset: null,
    unknown: ["bogus", "HIDEPID=1"],
  });
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
