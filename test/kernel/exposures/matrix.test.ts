import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { takeScan } from "../../../src/commands/scan.js";
import type { FindingChange } from "../../../src/exposures/findings.js";
import { Bundles, type Spec } from "./bundle.js";
import { buildHolder } from "./holder.js";
import { matrix } from "./matrix.js";
import type { Row } from "./matrix-row.js";

const PREFIX = `keyhole-matrix-${process.pid}`;

const directory = mkdtempSync(join(tmpdir(), "keyhole-matrix-"));
const holder = buildHolder(directory);
const rows = prepare();

function prepare(): Row[] {
  execFileSync("runc", ["spec"], { cwd: directory });
  const { linux } = JSON.parse(readFileSync(join(directory, "config.json"), "utf8")) as Spec;
  return matrix({ masked: linux.maskedPaths, readonly: linux.readonlyPaths }, holder);
}

function idOf(name: string): string {
  return `${PREFIX}-${name}`;
}

describe("the matrix of containers", () => {
  let bundles: Bundles;
  let findings: readonly FindingChange[];

  before(() => {
    assert.equal(process.getuid?.(), 0, "containers need root");
    bundles = new Bundles();
    const pids = new Map<string, number>();
    for (const { name, options, after: act, joins } of rows) {
      const path = joins === undefined ? undefined : `/proc/${pids.get(joins)}/ns/pid`;
      const pid = bundles.run(idOf(name), path === undefined ? options : { ...options, pidNamespace: path });
      pids.set(name, pid);
      act?.(pid);
    }
    const report = takeScan({ hostRoot: "/" });
    const unasked = report.notSeen.filter(({ what }) => what.includes("procfs"));
    assert.deepEqual(
      unasked,
      [],
      "the kernel tells whose processes an instance shows, and what is mounted nowhere",
    );
    findings = report.findings;
  });

  after(() => {
    bundles?.[Symbol.dispose]();
    rmSync(directory, { recursive: true, force: true });
  });

  for (const { name, finds } of rows) {
    it(name, () => {
      const found = findings.filter(
        ({ subject }) => subject.kind === "container" && subject.id === idOf(name),
      );
      assert.deepEqual(
        found.map(({ severity, rule }) => [severity, rule]),
        finds.map(([severity, rule]) => [severity, rule]),
      );
      for (const [index, [, rule, named]] of finds.entries()) {
        const text = found[index]!.evidence.map(({ fact }) => fact).join("\n");
        if (named !== undefined) assert.ok(text.includes(named), `${rule} names ${named}: ${text}`);
      }
    });
  }

  it("has a command for every piece of evidence, which shows something while the container runs", () => {
    const own = findings.filter(({ subject }) => subject.kind === "node" || subject.id.startsWith(PREFIX));
    const commands = new Set<string>();
    for (const { rule, evidence } of own) {
      for (const { fact, check } of evidence) {
        assert.notEqual(check, undefined, `${rule}: nothing shows that ${fact}`);
        commands.add(check!);
      }
    }
    const silent = [...commands].filter((command) => {
      if (command.includes("/proc/1/ns/") && !initIsShown()) return false;
      return spawnSync("sh", ["-c", command], { encoding: "utf8", timeout: 10_000 }).stdout === "";
    });
    assert.deepEqual(silent, []);
    assert.equal(commands.size > rows.length, true, `only ${commands.size} commands`);
  });
});

/** Whether this root may ask which namespaces the init of this machine is in. */
function initIsShown(): boolean {
  try {
    readlinkSync("/proc/1/ns/mnt");
    return true;
  } catch {
    return false;
  }
}
