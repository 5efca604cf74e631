import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { takeScan } from "../../../src/commands/scan.js";
import type { FindingChange } from "../../../src/exposures/findings.js";
import { type BundleOptions, Bundles } from "./bundle.js";

const PREFIX = `keyhole-test-${process.pid}`;
const BOUND = "proc-host-superblock-bound";

/** More of them are in matrix.test.ts. */
const cases: readonly [string, BundleOptions][] = [
  ["default", {}],
  ["hostpid", { hostPid: true }],
  ["bound", { bindHostProc: "/host/proc" }],
  ["keys", { withoutMasks: ["/proc/keys"] }],
];

let bundles: Bundles;
let findings: readonly FindingChange[];

function idOf(name: string): string {
  return `${PREFIX}-${name}`;
}

before(() => {
  assert.equal(process.getuid?.(), 0, "containers need root");
  assert.match(execFileSync("runc", ["--version"], { encoding: "utf8" }), /^runc version/);
  bundles = new Bundles();
  for (const [name, options] of cases) bundles.run(idOf(name), options);
  const report = takeScan({ hostRoot: "/" });
  assert.equal(
    report.notSeen.some(({ what }) => what.includes("procfs instances")),
    false,
    "BPF tells whose processes an instance shows",
  );
  findings = report.findings;
});

after(() => bundles[Symbol.dispose]());

test("what the default masks leave open is one finding of the node", () => {
  const gaps = findings.filter(({ rule }) => rule === "proc-default-gaps");
  assert.deepEqual(
    gaps.map(({ severity, subject }) => [severity, subject.kind]),
    [["info", "node"]],
  );
});

test("the commands of the evidence show what the facts say", () => {
  const finding = findings.find(({ subject, rule }) => subject.id === idOf("bound") && rule === BOUND);
  const checks = finding?.evidence.map(({ check }) =>
    execFileSync("sh", ["-c", check!], { encoding: "utf8" }),
  );
  assert.match(checks?.[0] ?? "", / \/host\/proc .* - proc /);
  assert.match(checks?.[1] ?? "", / \/proc .* - proc /);
  assert.match(checks?.[2] ?? "", /^ *0 +0 +4294967295$/m);
});

test("a scan can be about one container, and ends by --fail-on", () => {
  const main = (...more: string[]) => {
    const code = `
      const { scan } = await import(${JSON.stringify(new URL("../../../src/commands/scan.ts", import.meta.url).href)});
      const [container, failOn] = process.argv.slice(1);
      process.exitCode = await scan({ output: "json", failOn: failOn ?? null, hostRoot: "/", color: false, container });`;
    try {
      const stdout = execFileSync(
        process.execPath,
        ["--import", "tsx", "--input-type=module", "-e", code, ...more],
        {
          encoding: "utf8",
          stdio: ["ignore", "pipe", "pipe"],
        },
      );
      return { status: 0, stdout };
    } catch (error) {
      const { status, stdout } = error as { status: number; stdout: string };
      return { status, stdout };
    }
  };
  const clean = main(idOf("default"), "low");
  assert.equal(clean.status, 0);
  const report = JSON.parse(clean.stdout) as {
    schema: number;
    containers: readonly { readonly id: string; readonly score: number }[];
    findings: FindingChange[];
  };
  assert.equal(report.schema, 1);
  assert.deepEqual(
    report.containers.map(({ id, score }) => [id, score]),
    [[idOf("default"), 0]],
  );
  assert.deepEqual(
    report.findings.filter(({ subject }) => subject.kind !== "node"),
    [],
  );
  assert.equal(main(idOf("keys"), "high").status, 0);
  assert.equal(main(idOf("keys"), "medium").status, 1);
  assert.equal(main(idOf("hostpid")).status, 0);
  assert.equal(main(idOf("hostpid"), "critical").status, 1);
});
