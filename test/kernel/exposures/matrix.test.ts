import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
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
});
