import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { rmdirSync } from "node:fs";
import { constants } from "node:os";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { parseMountinfo } from "../../../src/kernel/mountinfo.js";
import {
  parseProcfsOptions,
  readProcfsOption,
  readProcfsOptions,
} from "../../../src/kernel/procfs-options.js";
import { requireRoot } from "./nested.js";

interface Answer {
  readonly data: string;
  readonly errno: string | null;
  readonly line: string | null;
}

/** What the kernel makes of each option string. */
function askKernel(options: readonly string[]): Answer[] {
  requireRoot();
  const fixture = fileURLToPath(new URL("./mount-procfs.ts", import.meta.url));
  const args = ["--mount", "--propagation", "private", process.execPath, "--import", "tsx", fixture];
  const run = spawnSync("unshare", args, { input: JSON.stringify(options), encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  const { directory, answers } = JSON.parse(run.stdout) as { directory: string; answers: Answer[] };
  rmdirSync(directory);
  assert.equal(answers.length, options.length);
  return answers;
}

function compare({ data, errno, line }: Answer): void {
  const asked = parseProcfsOptions(data);
  const about = `${JSON.stringify(data)}: ${errno ?? line}`;
  // what is mounted has a source: no other is taken
  const { unknown = [], invalid = [] } = readProcfsOptions(data, true);
  if (errno !== null) {
    assert.equal(errno, "EINVAL", about);
    assert.notEqual(unknown.length + invalid.length, 0, about);
    return;
  }
  assert.deepEqual([unknown, invalid], [[], []], about);
  const [mount] = parseMountinfo(Buffer.from(`${line}\n`));
  const shown = parseProcfsOptions(mount!.superOptions);
  assert.deepEqual(shown.refused, [], about);
  const { ro = false } = readProcfsOptions(data);
  assert.equal(mount!.superOptions.includes("ro"), ro, about);
  // make_kgid() has no group for the largest number; from_kgid_munged() shows the overflow group in its place.
  const gid = asked.gid === 0xffffffff ? 65534 : asked.gid;
  assert.deepEqual({ ...shown }, { ...asked, gid }, about);
}

test("reads each quirk as the kernel does", () => {
  const numbers = [
    "0",
    "1",
    "2",
    "4",
    "3",
    "5",
    "8",
    "0x2",
    "0X4",
    "02",
    "010",
    "+2",
    "2\n",
    "2\n\n",
    " 2",
    "2 ",
    "-1",
    "",
    "0x",
    "00",
    "4294967296",
  ];
  const names = ["off", "noaccess", "invisible", "ptraceable", "OFF", "Invisible", "off "];
  const answers = askKernel([
    "",
    ...[...numbers, ...names].map((value) => `hidepid=${value}`),
    ...[...numbers, "4294967295", "65535"].map((value) => `gid=${value}`),
    "hidepid",
    "gid",
    "subset",
    "subset=",
    "subset=pid",
    "subset=PID",
    "subset=net",
    "subset=pid,subset=pid",
    "hidepid=2,hidepid=0",
    "hidepid=off,gid=5,hidepid=4,gid=010",
    ",,hidepid=1,,",
    "HIDEPID=2",
    "nosuid",
    "noexec",
    "sync",
    "dirsync",
    "lazytime",
    "mand",
    "ro,hidepid=2",
    "ro=no",
    "rw,ro",
    "source=x",
    "source",
    "=x",
    "=,hidepid=1",
    "bogus",
    "hidepid=2=2",
    "hidepid=1,bogus=3",
  ]);
  assert.ok(answers.some(({ errno }) => errno === null) && answers.some(({ errno }) => errno !== null));
  for (const answer of answers) compare(answer);
});

test("reads whatever is made of such pieces as the kernel does", () => {
  const value = fc.oneof(
    fc.constantFrom("off", "noaccess", "invisible", "ptraceable", "pid"),
    fc.stringMatching(/^[+]?(0x?)?[0-9a-f]{0,3}\n?$/),
  );
  const option = fc
    .tuple(fc.constantFrom("hidepid", "gid", "subset"), value)
    .map(([key, text]) => `${key}=${text}`);
  const data = fc.array(option, { maxLength: 4 }).map((options) => options.join(","));
  for (const answer of askKernel(fc.sample(data, 400))) compare(answer);
});

/** Sets each option on a new procfs context, `null` as a flag; what the kernel says: 0 or the errno's number. */
const SET_OPTIONS = `
import ctypes, json, os, sys
c = ctypes.CDLL(None, use_errno=True)
def set(key, value):
    fd = c.syscall(430, b"proc", 0)
    text = None if value is None else ctypes.c_char_p(value.encode())
    failed = c.syscall(431, fd, 0 if value is None else 1, ctypes.c_char_p(key.encode()), text, 0)
    errno = ctypes.get_errno() if failed else 0
    os.close(fd)
    return errno
print(json.dumps([set(*option) for option in json.load(sys.stdin)]))
`;

test("reads each option of fsconfig(2) as the kernel does", () => {
  requireRoot();
  const values = ["", "0", "3", "0x2", "010", "off", "pid", "pid,,pid", ",", "pid,net", "x=y", null];
  const keys = [
    "hidepid",
    "gid",
    "subset",
    "source",
    "ro",
    "rw",
    "sync",
    "dirsync",
    "nosuid",
    "HIDEPID",
    "a=b",
  ];
  const options = keys.flatMap((key) => values.map((value) => [key, value] as const));
  const run = spawnSync("python3", ["-c", SET_OPTIONS], { input: JSON.stringify(options), encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  const answers = JSON.parse(run.stdout) as number[];
  for (const [index, [key, value]] of options.entries()) {
    const { unknown = [], invalid = [] } = readProcfsOption(key, value);
    const expected = unknown.length + invalid.length === 0 ? 0 : constants.errno.EINVAL;
    assert.equal(answers[index], expected, JSON.stringify([key, value]));
  }
  assert.ok(answers.includes(0) && answers.includes(constants.errno.EINVAL));
});
