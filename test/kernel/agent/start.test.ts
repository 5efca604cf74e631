import assert from "node:assert/strict";
import { type SpawnSyncReturns, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { ProgramReport } from "../../../src/capture/capture.js";
import type { AgentEvent } from "../../../src/event.js";
import { Agent } from "../capture/agent.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const MAIN = join(ROOT, "dist/keyhole.js");
const RUN = ["run", "--output", "json", "--listen", "off"];

function run(command: string, args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(command, args, { encoding: "utf8", timeout: 120_000, killSignal: "SIGINT" });
}

/** The agent refused: one message with its code, no stack, the exit status of a refusal. */
function assertRefused({ status, stdout, stderr }: SpawnSyncReturns<string>, code: string): void {
  assert.equal(status, 3, stderr);
  assert.match(stderr, new RegExp(`\\[${code}\\]`));
  assert.match(stderr, / {2}expected: .+\n {2}found: .+\n {2}do: .+/);
  assert.doesNotMatch(stderr, /\n\s+at /);
  assert.equal(stdout, "");
}

describe("keyhole run refuses to start", () => {
  it("without privileges", () => {
    const args = ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, MAIN, ...RUN];
    assertRefused(run("setpriv", args), "KEYHOLE_NOT_ROOT");
  });

  it("as root of a user namespace", () => {
    const args = ["--user", "--map-root-user", process.execPath, MAIN, ...RUN];
    assertRefused(run("unshare", args), "KEYHOLE_NOT_ROOT");
  });

  it("outside of the host's pid namespace", () => {
    const args = ["--pid", "--fork", "--mount-proc", process.execPath, MAIN, ...RUN];
    assertRefused(run("unshare", args), "KEYHOLE_NOT_HOST_PIDNS");
  });

  it("on a kernel that does not show its types", () => {
    const script = 'mount -t tmpfs none /sys/kernel/btf && exec "$0" "$@"';
    const args = ["--mount", "sh", "-c", script, process.execPath, MAIN, ...RUN];
    assertRefused(run("unshare", args), "KEYHOLE_NO_BTF");
  });

  it("in an attach mode that is not there", () => {
    const { status, stderr } = run(process.execPath, [MAIN, ...RUN, "--attach", "kprobe"]);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /--attach: .* \[KEYHOLE_CONFIG\]\n {2}expected: one of auto, fentry, tracepoint\n/);
  });

  it("with a filter on a cgroup that does not exist", () => {
    const { status, stderr } = run(process.execPath, [MAIN, ...RUN, "--exclude-cgroup", "/no/such/cgroup"]);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /\[KEYHOLE_FILTER\]/);
  });
});

describe("keyhole run starts with what it can", () => {
  const directory = mkdtempSync(join(tmpdir(), "keyhole-start-"));
  after(() => rmSync(directory, { recursive: true }));

  /** A copy of the agent whose BPF source was changed. */
  function changed(name: string, file: string, from: string, to: string): string {
    const copy = join(directory, name);
    for (const part of ["bpf", "dist", "scripts", "src/exposures/catalogue", "src/exposures/rules"])
      cpSync(join(ROOT, part), join(copy, part), { recursive: true });
    cpSync(join(ROOT, "package.json"), join(copy, "package.json"));
    symlinkSync(join(ROOT, "node_modules"), join(copy, "node_modules"));
    const source = readFileSync(join(copy, file), "utf8");
    assert.ok(source.includes(from));
    writeFileSync(join(copy, file), source.replaceAll(from, to));
    const built = run(process.execPath, [join(copy, "scripts/build-bpf.js"), "--arch", process.arch]);
    assert.equal(built.status, 0, built.stderr);
    return join(copy, "dist/keyhole.js");
  }

  it("when the kernel lacks one of the tracepoints, and says what is lost", async () => {
    const main = changed("tracepoint", "bpf/life.h", "sched_process_exec", "sched_process_nonsense");
    const agent = await Agent.start([], main);
    const { pid } = run("unshare", ["--uts", "true"]);
    await agent.until("the call", () => agent.syscalls((event) => event.process.pid === pid).length > 0);
    assert.equal(await agent.stop(), 0);
    const programs = (agent.events[0] as AgentEvent).programs as ProgramReport[];
    const missing = programs.filter(({ attached }) => !attached);
    assert.deepEqual(
      missing.map(({ program }) => program),
      ["task_executed"],
    );
    assert.match(missing[0]!.detail, /sched_process_nonsense/);
    assert.match(missing[0]!.lacks, /executables/);
  });

  it("and names the rules that are inactive, as `keyhole rules list` does", async () => {
    const config = join(directory, "opens-off.yaml");
    writeFileSync(config, "opens: off\n");
    const agent = await Agent.start(["--config", config]);
    // each call makes an event, at which the log is looked at again
    const calls = setInterval(() => run("unshare", ["--uts", "true"]), 200);
    await agent
      .until("the log", () => agent.stderr.includes("some rules are inactive"))
      .finally(() => clearInterval(calls));
    assert.equal(await agent.stop(), 0);
    const lines = agent.stderr.split("\n").filter((line) => line !== "");
    const logged = lines
      .map((line) => JSON.parse(line))
      .find(({ message }) => message === "some rules are inactive");
    assert.ok(logged.rules.length > 0);
    const { stdout } = run(process.execPath, [MAIN, "rules", "list", "-o", "json", "--config", config]);
    const listed = JSON.parse(stdout).rules as { id: string; state: string; missing: string[] }[];
    const inactive = listed.filter(({ state }) => state === "inactive");
    assert.deepEqual(
      logged.rules.toSorted(),
      inactive.map(({ id, missing }) => `${id} (no ${missing.join(", ")})`).sort(),
    );
  });

  it("not without the program that sees system calls", () => {
    const main = changed("calls", "bpf/calls.h", "tp_btf/sys_exit", "tp_btf/sys_nonsense");
    assertRefused(run(process.execPath, [main, ...RUN]), "KEYHOLE_CAPTURE");
  });
});
