import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { FindingEvent } from "../../src/event.js";
import type { Agent } from "../kernel/capture/agent.js";
import { Bundles } from "../kernel/exposures/bundle.js";
import { settle } from "../kernel/stories/settle.js";
import type { Row } from "../oracle/rows/row.js";
import { compileProgram } from "../programs/compile.js";
import type { RuncScenario, ToolScenario } from "./scenario.js";
import { Told } from "./told.js";

export interface Totals {
  readonly silent: number;
  /** Of which something was told that should not have been. */
  readonly loud: number;
  /** Not run, or failed: nothing was shown. */
  readonly notCovered: number;
}

export interface Printer {
  line(text: string): void;
  /** How far the work at hand is. */
  progress(text: string): void;
}

/** Milliseconds for one row. */
const PATIENCE = 120_000;
/** Every so many cycles a container lives long enough to be looked at, in milliseconds. */
const LOOKED_AT_EVERY = 10;
const LOOK_MS = 500;

/** Ids of containers that have a name: one that is not among those of runc here is somebody else's. */
const NAMED = /^(?!pidns:|mntns:|\d+:)/;

/** Runs benign work before an agent and says of each piece whether the agent was silent. */
export class BenignSuite {
  readonly #agent: Agent;
  readonly #told: Told;
  readonly #print: Printer;
  readonly #totals = { silent: 0, loud: 0, notCovered: 0 };

  constructor(agent: Agent, print: Printer, ignored: readonly string[] = []) {
    this.#agent = agent;
    this.#told = new Told(agent, ignored);
    this.#print = print;
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** Findings of any severity by severity and rule; those about what ran before are not among them. */
  get counts(): ReadonlyMap<string, number> {
    return this.#told.counts;
  }

  /** Subjects of findings that were there before anything was run. */
  get leftOut(): number {
    return this.#told.before;
  }

  /** Starts, enters and ends containers of these specs in turns, `cycles` in all. */
  async runc(scenarios: readonly RuncScenario[], cycles: number): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "keyhole-benign-"));
    const bundles = new Bundles();
    try {
      const program = compileProgram("acts.c", ["-static"], folder);
      const loud = new Map<RuncScenario, FindingEvent[]>(scenarios.map((one) => [one, []]));
      const prepared = scenarios.map((scenario, index) => ({
        scenario,
        bundle: bundles.prepare(`spec-${index}`, { ...scenario.options, programs: [program] }),
      }));
      const prefix = `keyhole-benign-${process.pid}-`;
      // what is told of a container can come after it has ended
      const file = (findings: readonly FindingEvent[]) => {
        for (const finding of findings) {
          const { id } = finding.subject;
          if (!id.startsWith(prefix) && NAMED.test(id)) {
            this.#print.line(`elsewhere    ${finding.severity} ${finding.rule} about ${id}`);
            continue;
          }
          const cycle = id.startsWith(prefix) ? Number(id.slice(prefix.length)) : 0;
          loud.get(prepared[cycle % prepared.length]!.scenario)!.push(finding);
        }
      };
      for (let cycle = 0; cycle < cycles; cycle++) {
        const { bundle } = prepared[cycle % prepared.length]!;
        const id = `${prefix}${cycle}`;
        bundles.start(id, bundle);
        execFileSync("runc", ["exec", id, "/acts", "nothing"], { stdio: "ignore" });
        const round = Math.floor(cycle / prepared.length);
        if (round % LOOKED_AT_EVERY === 0) await setTimeout(LOOK_MS);
        bundles.stop(id);
        file(this.#told.takeLoud());
        this.#print.progress(`runc: ${cycle + 1} of ${cycles} containers`);
      }
      await settle(this.#agent);
      file(this.#told.takeLoud());
      for (const [scenario, findings] of loud) {
        const { excepted = [] } = scenario;
        const spared = findings.filter(({ rule }) => excepted.includes(rule)).length;
        const suffix = spared === 0 ? "" : `; ${spared} excepted: ${excepted.join(", ")}`;
        const left = findings.filter(({ rule }) => !excepted.includes(rule));
        this.#judge(`runc: ${scenario.name}${suffix}`, left);
      }
    } finally {
      bundles[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    }
  }

  /** Runs every row of a tool once. */
  async tool({ tool, rows, command, missing }: ToolScenario): Promise<void> {
    if (command === null) {
      this.#totals.notCovered += rows.length;
      this.#print.line(`not covered  ${tool}: ${missing ?? "it is not there"}`);
      return;
    }
    for (const [index, row] of rows.entries()) {
      this.#print.progress(`${tool}: ${index + 1} of ${rows.length}`);
      const failure = await runRow(row, command);
      await settle(this.#agent);
      const findings = this.#told.takeLoud();
      if (failure === null || findings.length > 0) this.#judge(`${tool}: ${row.name}`, findings);
      else {
        this.#totals.notCovered += 1;
        this.#print.line(`not covered  ${tool}: ${row.name}\n    ${failure}`);
      }
    }
  }

  #judge(name: string, findings: readonly FindingEvent[]): void {
    if (findings.length === 0) {
      this.#totals.silent += 1;
      this.#print.line(`silent       ${name}`);
      return;
    }
    this.#totals.loud += 1;
    this.#print.line(`told         ${name}`);
    for (const { severity, rule, subject, evidence } of findings) {
      this.#print.line(`    ${severity} ${rule} about ${subject.id}`);
      for (const { fact } of evidence) this.#print.line(`        ${fact}`);
    }
  }
}

/** Why the row showed nothing; null where it did what it was to do. */
async function runRow(row: Row, command: NonNullable<ToolScenario["command"]>): Promise<string | null> {
  const folder = mkdtempSync(join(tmpdir(), "keyhole-benign-"));
  try {
    const [program, ...args] = command(row, folder);
    const child = spawn(program!, args, { stdio: ["ignore", "ignore", "pipe"], timeout: PATIENCE });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const [status] = (await once(child, "close")) as [number | null];
    return status === 0 ? null : `exit status ${status}: ${stderr.trim().split("\n").slice(-3).join("; ")}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
