import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { FindingEvent, KeyholeEvent } from "../../../src/event.js";
import { Agent } from "../capture/agent.js";
import { Bundles } from "./bundle.js";

const MAIN = fileURLToPath(new URL("../../../dist/keyhole.js", import.meta.url));
const ID = `keyhole-record-${process.pid}`;

function rootOf(pid: number | "self"): string | undefined {
  return / (\d+:\d+ \S+) \/ /.exec(readFileSync(`/proc/${pid}/mountinfo`, "utf8"))?.[1];
}

/** Tests that are themselves in a container: what a runtime does there is an act of that container, and is told so. */
const skip =
  rootOf("self") === rootOf(1) ? false : "these tests run in a container, where runtimes are nobody's set-up";

function keyhole(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
    encoding: "utf8",
    maxBuffer: 1024 ** 3,
  });
  return { status, stdout, stderr };
}

function events(text: string): KeyholeEvent[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as KeyholeEvent);
}

function isFinding(event: KeyholeEvent): event is FindingEvent {
  return event.type === "finding";
}

describe("a recording of a container that does bad things", { skip }, () => {
  const directory = mkdtempSync(join(tmpdir(), "keyhole-record-"));
  const file = join(directory, "recording.jsonl");
  let published: readonly KeyholeEvent[];

  before(async () => {
    using bundles = new Bundles();
    bundles.run(`${ID}-early`, { unmasked: true });
    const agent = await Agent.start(["--inventory-interval", "1s", "--record", file]);
    const found = (rule: string, state = "open") =>
      agent.events.some(
        (event) =>
          isFinding(event) && event.rule === rule && event.subject.id.startsWith(ID) && event.state === state,
      );
    const pid = bundles.run(`${ID}-admin`, {
      capabilities: ["CAP_SYS_ADMIN", "CAP_KILL"],
      withoutMasks: ["/proc/timer_list"],
      args: ["/pause", "/proc/keys", "/proc/sys"],
    });
    await agent.until("a look at both", () => found("proc-mask-missing") && found("proc-unmasked"));
    process.kill(pid, "SIGUSR1");
    await agent.until(
      "the acts and what they left",
      () => found("proc-mask-removed") && found("proc-sys-writable"),
    );
    bundles.stop(`${ID}-admin`);
    await agent.until("the end", () => found("proc-sys-writable", "resolved"));
    assert.equal(await agent.stop("SIGTERM"), 0);
    published = agent.events;
  });

  after(() => rmSync(directory, { recursive: true }));

  it("is its owner's alone, and has every event that was published, in order", () => {
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const recorded = readFileSync(file, "utf8")
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { event?: KeyholeEvent })
      .flatMap(({ event }) => (event === undefined ? [] : [event]));
    assert.deepEqual(recorded, published);
  });

  it("replays to the same events and findings, in the same order, with the same rules", () => {
    const { status, stdout, stderr } = keyhole("replay", file, "-o", "json", "--fail-on-change");
    assert.equal(status, 0, stderr);
    const replayed = events(stdout);
    assert.deepEqual(replayed.filter(isFinding), published.filter(isFinding));
    assert.deepEqual(replayed, published);
    assert.doesNotMatch(stderr, /missing in the recording|could not be replayed/);
  });

  it("shows what other rules make of it, and says so by its exit status", () => {
    const other = ["--disable-rule", "proc-mask-removed", "--rule-severity", "proc-sys-writable=medium"];
    const { status, stdout } = keyhole("replay", file, "--diff", "-o", "json", "--fail-on-change", ...other);
    assert.equal(status, 1);
    const { changes } = JSON.parse(stdout) as {
      changes: {
        change: string;
        rule: string;
        recorded: string;
        replayed: string | null;
        subject: { id: string };
      }[];
    };
    const own = changes.filter(({ subject }) => subject.id.startsWith(ID));
    assert.deepEqual(
      own.map(({ change, rule, recorded, replayed }) => [change, rule, recorded, replayed]).sort(),
      [
        ["changed", "proc-sys-writable", "critical", "medium"],
        ["gone", "proc-mask-removed", "critical", null],
      ],
    );
    assert.equal(keyhole("replay", file, "--diff", ...other).status, 0);
  });

  it("is replayed up to the line in the middle of which it was cut, which the message names", () => {
    const whole = readFileSync(file);
    const cut = join(directory, "cut.jsonl");
    const end = whole.lastIndexOf("\n", whole.length - 2) + 20;
    writeFileSync(cut, whole.subarray(0, end));
    const lines = readFileSync(cut, "utf8").split("\n").length;
    const { status, stdout, stderr } = keyhole("replay", cut, "-o", "json");
    assert.equal(status, 2);
    assert.match(
      stderr,
      new RegExp(`cut\\.jsonl:${lines}:20: .* ends in the middle of this line \\[KEYHOLE_RECORDING\\]`),
    );
    const replayed = events(stdout);
    assert.deepEqual(replayed, published.slice(0, replayed.length));
    assert.equal(published.length - replayed.length <= 1, true);
  });

  it("can be scanned as the node was when it ended", () => {
    const { status, stdout, stderr } = keyhole(
      "scan",
      "--input",
      file,
      "-o",
      "json",
      "--container",
      `${ID}-`,
    );
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout) as {
      containers: { id: string; score: number }[];
      findings: { rule: string; subject: { id: string } }[];
      notSeen: { what: string }[];
    };
    assert.deepEqual(
      report.containers.map(({ id }) => id),
      [`${ID}-early`],
    );
    assert.equal(report.containers[0]!.score >= 80, true);
    const own = report.findings.filter(({ subject }) => subject.id.startsWith(ID));
    assert.deepEqual(
      own.map(({ rule }) => rule),
      ["proc-unmasked"],
    );
    assert.match(report.notSeen.map(({ what }) => what).join(), /^\d+ containers$/);
  });

  it("explains why the call was a finding, with the rules of today", () => {
    const finding = published
      .filter(isFinding)
      .find(({ rule, subject }) => rule === "proc-mask-removed" && subject.id === `${ID}-admin`)!;
    for (const what of [String(finding.event_seq), finding.id, String(finding.seq)]) {
      const { status, stdout, stderr } = keyhole("explain", what, "--input", file, "-o", "json");
      assert.equal(status, 0, stderr);
      const { decisions } = JSON.parse(stdout) as {
        decisions: { rule: string; result: string; facts: string[] }[];
      };
      const own = decisions.find(({ rule }) => rule === "proc-mask-removed");
      assert.equal(own?.result, "told");
      assert.deepEqual(
        own.facts,
        finding.evidence.map(({ fact }) => fact),
      );
    }
    const spared = keyhole("explain", finding.id, "--input", file, "--disable-rule", "proc-mask-removed");
    assert.match(spared.stdout, /proc-mask-removed: not told: the configuration disables the rule/);
  });
});

it("does not start where the recording cannot be made, and leaves the file as it is", () => {
  const directory = mkdtempSync(join(tmpdir(), "keyhole-record-"));
  try {
    const file = join(directory, "there");
    writeFileSync(file, "mine");
    const { status, stderr } = keyhole("run", "-o", "none", "--listen", "off", "--record", file);
    assert.equal(status, 2);
    assert.match(stderr, /there already \[KEYHOLE_RECORD\]/);
    assert.equal(readFileSync(file, "utf8"), "mine");
  } finally {
    rmSync(directory, { recursive: true });
  }
});
