import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { doctor } from "../../../src/commands/doctor.js";
import type { Check } from "../../../src/kernel/host-checks.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { startRefusal } from "../../../src/kernel/privileges.js";
import { requireRoot } from "./nested.js";

interface Diagnosis {
  readonly status: number;
  readonly verdict: string;
  readonly checks: readonly Check[];
  /** The code of what `keyhole run` would end with. */
  readonly refusal: string | null;
  readonly hint: string | null;
}

/** Runs doctor in a process of its own, below `command`. */
function diagnose(...command: string[]): Diagnosis {
  requireRoot();
  const fixture = fileURLToPath(new URL("./diagnose.ts", import.meta.url));
  const [file, ...args] = [...command, process.execPath, "--import", "tsx", fixture];
  const run = spawnSync(file!, args, { encoding: "utf8" });
  assert.equal(run.status, 0, run.stderr);
  return JSON.parse(run.stdout);
}

const statusOf = (diagnosis: Diagnosis, name: string): string | undefined =>
  diagnosis.checks.find((check) => check.name === name)?.status;

test("root on the host may run, and sees every check", () => {
  const here = diagnose();
  assert.equal(here.refusal, null);
  assert.notEqual(here.verdict, "missing");
  assert.equal(here.status, here.verdict === "ok" ? 0 : 1);
  for (const name of ["capabilities", "pid namespace", "kernel BTF", "libbpf", "nsfs NS_GET_USERNS"]) {
    assert.equal(statusOf(here, name), "ok", name);
  }
  assert.ok(here.checks.some(({ name }) => name.startsWith("program ")));
});

test("every check that is not ok says what it costs and what to do", () => {
  const diagnoses = [diagnose(), diagnose("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")];
  for (const { status, lacks, fix, found } of diagnoses.flatMap(({ checks }) => checks)) {
    assert.ok(found.length > 0);
    if (status !== "ok") assert.ok(lacks !== null && fix !== null);
  }
});

test("an ordinary user may not run", () => {
  const nobody = diagnose("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups");
  assert.equal(nobody.refusal, "KEYHOLE_NOT_ROOT");
  assert.equal(nobody.status, 2);
  assert.equal(statusOf(nobody, "capabilities"), "missing");
});

test("root without one of the capabilities is told which", () => {
  const without = diagnose("setpriv", "--bounding-set=-sys_ptrace", "--inh-caps=-sys_ptrace");
  assert.equal(without.refusal, "KEYHOLE_NOT_ROOT");
  assert.match(without.checks.find(({ name }) => name === "capabilities")!.found, /CAP_SYS_PTRACE$/);
});

test("root of a user namespace only may not run", () => {
  const rootless = diagnose("unshare", "--user", "--map-root-user");
  assert.equal(rootless.refusal, "KEYHOLE_NOT_ROOT");
  assert.equal(statusOf(rootless, "user namespace"), "missing");
});

test("in a pid namespace of its own it says hostPID", () => {
  const inside = diagnose("unshare", "--pid", "--fork", "--mount-proc");
  assert.equal(inside.refusal, "KEYHOLE_NOT_HOST_PIDNS");
  assert.match(inside.hint!, /hostPID: true/);
  assert.equal(inside.status, 2);
  const check = inside.checks.find(({ name }) => name === "pid namespace");
  assert.equal(check?.status, "missing");
  assert.match(check?.fix ?? "", /hostPID: true/);
});

test("without the kernel's BTF it says so", () => {
  const script = 'mount -t tmpfs none /sys && exec "$@"';
  const blind = diagnose("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh");
  assert.equal(blind.refusal, "KEYHOLE_NO_BTF");
  assert.equal(statusOf(blind, "kernel BTF"), "missing");
});

test("a procfs with hidepid is degraded", () => {
  const script = 'mount -t proc -o hidepid=2 proc /proc && exec "$@"';
  const hidden = diagnose("unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh");
  const check = hidden.checks.find(({ name }) => name === "host /proc options");
  assert.equal(check?.status, "degraded");
  assert.equal(check?.found, "hidepid=invisible");
});

test("a host root without /proc is refused with exit status 3", () => {
  requireRoot();
  const refusal = startRefusal(new HostPath("/nonexistent"));
  assert.equal(refusal?.code, "KEYHOLE_HOST_ROOT");
  assert.equal(refusal?.exitCode, 3);
});

test("the text has one line for each check, and closes with the verdict", async () => {
  requireRoot();
  let text = "";
  let json = "";
  const status = await doctor({ write: (part) => (text += part) });
  assert.equal(await doctor({ output: "json", write: (part) => (json += part) }), status);
  const { checks } = JSON.parse(json) as { checks: readonly Check[] };
  const lines = text.trimEnd().split("\n");
  const heads = lines.filter((line) => /^(ok|degraded|missing) /.test(line));
  assert.equal(heads.length, checks.length);
  assert.match(lines.at(-1)!, /^keyhole can/);
});
