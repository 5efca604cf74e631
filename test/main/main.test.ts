import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

const ROOT = join(import.meta.dirname, "../..");
let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "keyhole-main-"));
});
after(() => rmSync(dir, { recursive: true }));

function keyhole(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", join(ROOT, "src/main.ts"), ...args],
    { encoding: "utf8", cwd: ROOT, env: { PATH: process.env.PATH, HOME: dir, ...env } },
  );
  return { status, stdout, stderr };
}

test("--version prints the version of package.json", () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  assert.deepEqual(keyhole(["--version"]), { status: 0, stdout: `${version}\n`, stderr: "" });
});

test("without a command the help is on stderr and the status says so; help is on stdout", () => {
  const bare = keyhole([]);
  assert.deepEqual([bare.status, bare.stdout], [2, ""]);
  const help = keyhole(["help"]);
  assert.deepEqual([help.status, help.stderr], [0, ""]);
  assert.equal(help.stdout, bare.stderr);
  for (const name of ["run", "scan", "tree", "pid", "doctor", "help"])
    assert.match(help.stdout, new RegExp(`^  ${name} `, "m"));
});

test("every command's help has examples and exit codes", () => {
  for (const name of ["run", "scan", "tree", "pid", "doctor"]) {
    const { status, stdout, stderr } = keyhole([name, "--help"]);
    assert.deepEqual([status, stderr], [0, ""], name);
    assert.match(stdout, new RegExp(`Examples:\n  keyhole ${name}`));
    assert.match(stdout, /Exit codes:\n {2}0 /);
    assert.match(stdout, /--config <file>/);
    assert.match(stdout, /--log-level <level>/);
  }
});

test("doctor's help gives each verdict its exit code", () => {
  const { stdout } = keyhole(["doctor", "--help"]);
  const codes = stdout.slice(stdout.indexOf("Exit codes:"));
  assert.deepEqual(
    [...codes.matchAll(/^ {2}(\d+) +(.*)$/gm)].map(([, code, text]) => `${code} ${text}`),
    [
      '0 "keyhole run" can work here, and nothing is lacking',
      '1 "keyhole run" can work here, with less',
      '2 "keyhole run" cannot work here; or the command line or the configuration is wrong',
      "70 a defect of Keyhole",
    ],
  );
});

test("what the command line gets wrong ends with 2, one message and the word that was meant", () => {
  const cases: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [["rnu"], /^keyhole: unknown command 'rnu'\n\(Did you mean run\?\)\n$/],
    [["run", "--ouput", "json"], /^keyhole: unknown option '--ouput'\n\(Did you mean --output\?\)\n$/],
    [
      ["scan", "--fail-on", "worst"],
      /^keyhole: option '--fail-on <severity>' argument 'worst' is invalid\..*critical/,
    ],
    [["scan", "--pid", "0"], /^keyhole: option '--pid <pid>'.*process id/],
    [["tree", "--type", "mnt,foo"], /^keyhole: option '--type <types>'.*Allowed types are mnt/],
    [["tree", "--watch=0"], /^keyhole: option '--watch \[seconds\]'.*from 0\.1/],
    [["tree", "--columns", "NS,COMAND"], /^keyhole: there is no column "COMAND" .*did you mean COMMAND\?/s],
    [
      ["tree", "--filter", "nproc > 1"],
      /^keyhole: --filter:1:1: Unknown variable: nproc .*did you mean nprocs\?/s,
    ],
    [["pid"], /^keyhole: missing required argument 'pid'/],
    [["pid", "1", "x@y"], /^keyhole: "x@y" is no process id \[KEYHOLE_PID_ARGUMENT\]/],
    [["doctor", "now"], /^keyhole: too many arguments/],
    [["run", "--listen"], /^keyhole: option '--listen <address>' argument missing/],
  ];
  for (const [args, message] of cases) {
    const { status, stdout, stderr } = keyhole(args);
    assert.deepEqual([status, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
  }
});

test("a configuration error is shown with its place, what is expected and found, and no stack", () => {
  const file = join(dir, "keyhole.yaml");
  writeFileSync(file, "ring:\n  size: 3MiB\n");
  for (const args of [
    ["run", "--config", file],
    ["--config", file, "run"],
    ["doctor", "-c", file],
  ]) {
    const { status, stdout, stderr } = keyhole(args);
    assert.deepEqual([status, stdout], [2, ""]);
    assert.equal(
      stderr,
      `keyhole: ${file}:2:9: ring.size is not valid [KEYHOLE_CONFIG]\n` +
        '  expected: a power of two from 64KiB to 1GiB\n  found:    "3MiB"\n',
    );
  }
});

test("flags and variables are named as they were written", () => {
  const { status, stderr } = keyhole(["run", "--filter-uid", "0", "--filter-uid", "root"], {
    KEYHOLE_OUTPUT: "xml",
  });
  assert.equal(status, 2);
  assert.match(
    stderr,
    /KEYHOLE_OUTPUT: the value is not valid, expected one of auto, json, text, none, found "xml"/,
  );
  assert.match(stderr, /--filter-uid: the value is not valid, expected a uid .*, found "root"/);
});

/** A module that makes the configuration's loader throw what it should not. */
function withDefect(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const file = join(dir, "defect.mjs");
  writeFileSync(
    file,
    'import os from "node:os"; import m from "node:module"; os.hostname = () => { throw new TypeError("two\\nlines"); }; m.syncBuiltinESMExports();',
  );
  return keyhole(args, { ...env, NODE_OPTIONS: `--import ${file}` });
}

test("a defect is one line, a hint and status 70; the stack only with log level debug", () => {
  const { status, stdout, stderr } = withDefect(["doctor"]);
  assert.deepEqual([status, stdout], [70, ""]);
  assert.equal(
    stderr,
    "keyhole: defect: two\n  do:       run it again with --log-level debug for the stack, and report it\n",
  );
  for (const debug of [
    withDefect(["doctor", "--log-level", "debug"]),
    withDefect(["doctor"], { KEYHOLE_LOG_LEVEL: "debug" }),
  ]) {
    assert.equal(debug.status, 70);
    assert.match(debug.stderr, /^keyhole: defect: two\nTypeError: two\nlines\n {4}at /);
  }
});

test("a reader that leaves early is no error", () => {
  const command = `${process.execPath} --import tsx src/main.ts tree -o json | true; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = spawnSync("bash", ["-c", command], { encoding: "utf8", cwd: ROOT });
  assert.deepEqual([stdout, stderr], ["0\n", ""]);
});
