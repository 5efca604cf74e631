import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { AgentEvent, FindingEvent } from "../../../src/event.js";
import { Agent } from "../capture/agent.js";

describe("a running agent whose configuration changes", () => {
  const directory = mkdtempSync(join(tmpdir(), "keyhole-reload-"));
  const file = join(directory, "keyhole.yaml");
  const rules = join(directory, "rules.d");
  let agent: Agent;
  let exposed: ChildProcess;

  /** As editors and Kubernetes do it: another file takes the name. */
  function write(text: string): void {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }

  const states = (state: string): AgentEvent[] =>
    agent.events.filter((event): event is AgentEvent => event.type === "agent" && event.state === state);

  /** Of the container that is a pid namespace with the host's /proc in it. */
  const findings = (state: string): FindingEvent[] =>
    agent.events.filter(
      (event): event is FindingEvent =>
        event.type === "finding" && event.state === state && event.subject.pid === child(exposed.pid!),
    );

  before(async () => {
    write("rules: {}\n");
    mkdirSync(rules);
    agent = await Agent.start(["--config", file, "--rules", rules]);
    const args = ["--pid", "--mount", "--fork", "--kill-child", "chroot", "/proc/self/root", "sleep", "1000"];
    exposed = spawn("unshare", args, { stdio: "ignore" });
    await once(exposed, "spawn");
    await agent.until("a finding", () => findings("open").length > 0);
  });

  after(async () => {
    exposed.kill("SIGKILL");
    assert.equal(await agent.stop(), 0);
    rmSync(directory, { recursive: true });
  });

  it("resolves the findings of a rule that is not wanted any more, and finds them again when it is", async () => {
    const [{ rule }] = findings("open") as [FindingEvent];
    write(`rules: {disable: [${rule}]}\n`);
    await agent.until("the end of the finding", () => findings("resolved").length > 0);
    const [ended] = findings("resolved") as [FindingEvent];
    assert.equal(ended.rule, rule);
    assert.equal(ended.reason, "the rule was disabled");
    assert.deepEqual(
      states("reloaded").map(({ changed, needs_restart }) => ({ changed, needs_restart })),
      [{ changed: ["rules.disable"], needs_restart: [] }],
    );

    write(`rules: {severity: {${rule}: info}}\nring: {size: 8MiB}\n`);
    await agent.until("the finding", () =>
      findings("open").some((finding) => finding.rule === rule && finding.severity === "info"),
    );
    assert.deepEqual(states("reloaded").at(-1)!.needs_restart, ["ring.size"]);
  });

  it("goes on with what it has when the new one is wrong, and says so", async () => {
    const before = agent.events.length;
    for (const [index, text] of [
      "rules: {disable: [no-such-rule]}\n",
      "rules: [\n",
      "rulez: {}\n",
    ].entries()) {
      write(text);
      await agent.until("the refusal", () => states("reload-failed").length > index);
    }
    const problems = states("reload-failed").map(({ problem }) => String(problem));
    assert.match(problems[0]!, /there is no rule "no-such-rule" \[KEYHOLE_RULE_UNKNOWN\]/);
    assert.match(problems[1]!, /keyhole\.yaml:\d+.*\[KEYHOLE_CONFIG\]/s);
    assert.match(problems[2]!, /rulez.*did you mean "rules"/s);
    assert.match(agent.stderr, /cannot be used; the old ones stay/);
    // of other containers of this machine there may be some
    const since = new Set(agent.events.slice(before));
    assert.deepEqual(
      ["open", "updated", "resolved"].flatMap(findings).filter((finding) => since.has(finding)),
      [],
    );
  });

  it("goes on with the rules that it has when a file of them is wrong, or a test in it fails", async () => {
    const own = join(rules, "own.yaml");
    const good = states("reloaded").length;
    write("rules: {}\n");
    await agent.until("the reload", () => states("reloaded").length > good);
    const failed = states("reload-failed").length;
    writeFileSync(own, RULE.replace("process.uid", "process.uidd"));
    await agent.until("the refusal", () => states("reload-failed").length > failed);
    const mistake = String(states("reload-failed").at(-1)!.problem);
    assert.match(mistake, /\[KEYHOLE_RULE_FILES\]/);
    assert.match(mistake, /own\.yaml:\d+:\d+: .*process\.uidd/);
    assert.match(mistake, /did you mean process\.uid/);
    writeFileSync(own, RULE.replace("finds: info", "finds: critical"));
    await agent.until("the refusal", () => states("reload-failed").length > failed + 1);
    const problem = String(states("reload-failed").at(-1)!.problem);
    assert.match(
      problem,
      /own\.yaml:\d+:\d+: the test "root" of own-unshare fails, expected critical, found info/,
    );

    const reloaded = states("reloaded").length;
    writeFileSync(own, RULE);
    await agent.until("the reload", () => states("reloaded").length > reloaded);
    const found = () =>
      agent.events.filter((event) => event.type === "finding" && event.rule === "own-unshare").length;
    const inside = ["--all", "--target", String(child(exposed.pid!)), "unshare", "--uts", "true"];
    assert.equal(spawnSync("nsenter", inside).status, 0);
    await agent.until("what the new rule finds", () => found() > 0);
    rmSync(own);
  });

  it("loses no event while it reloads, again and again", async () => {
    write("rules: {}\n");
    const calls = 5_000;
    const reloaded = states("reloaded").length;
    const { pid } = agent;
    const reloads = setInterval(() => process.kill(pid, "SIGHUP"), 10);
    const caller = spawn(
      "perl",
      [
        "-e",
        `for (1..100) { syscall(308, -1, 0) for 1..${calls / 100}; select(undef, undef, undef, 0.03) } $| = 1; print "done"; sleep 1000`,
      ],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    try {
      await once(caller.stdout!, "data");
      const told = () =>
        agent.syscalls(({ process, syscall }) => process.pid === caller.pid && syscall === "setns");
      await agent.until("all calls", () => told().length >= calls);
      assert.equal(told().length, calls);
      assert.ok(states("reloaded").length > reloaded, "it reloaded meanwhile");
      assert.deepEqual(
        agent.events.filter(({ type }) => type === "lost"),
        [],
      );
    } finally {
      clearInterval(reloads);
      caller.kill("SIGKILL");
    }
  });
});

const RULE = `rules:
  - id: own-unshare
    title: Somebody made a host name of his own
    on: call
    syscalls: [unshare]
    condition: process.uid == 0 && "CLONE_NEWUTS" in args.flags
    severity: info
    evidence: "process {process.pid} did"
    description: A container made a UTS namespace, in a test of rules that are exchanged.
    remediation: There is nothing to be done about it.
    references: [https://man7.org/linux/man-pages/man2/unshare.2.html]
    tags: ["mitre:T1611"]
    tests:
      - { name: root, facts: { process.uid: 0, args.flags: [CLONE_NEWUTS] }, finds: info }
`;

function child(pid: number): number {
  const { stdout } = spawnSync("pgrep", ["-P", String(pid)], { encoding: "utf8" });
  return Number(stdout.trim());
}
