import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Agent } from "../kernel/capture/agent.js";
import { describeComparison } from "./compare.js";
import { observe } from "./observation.js";
import { agreed, summary } from "./report.js";
import { commandOf, type Row } from "./rows/row.js";

/** A tool and its rows. */
export interface Tool {
  readonly name: string;
  readonly rows: readonly Row[];
  /** The command that runs a row in an empty folder; by default this system's own programs. */
  readonly command?: (row: Row, folder: string) => readonly string[];
}

export interface SuiteTotals {
  readonly agreed: number;
  readonly differed: number;
  /** Rows whose script failed: what it was to show it has not shown. */
  readonly notCovered: number;
}

/** Milliseconds for one row. */
const PATIENCE = 300_000;

/** Runs every row of `tools` before `agent` and prints one line each, with the differences below it. */
export async function runSuite(
  agent: Agent,
  tools: readonly Tool[],
  print: (line: string) => void,
): Promise<SuiteTotals> {
  const totals = { agreed: 0, differed: 0, notCovered: 0 };
  for (const { name, rows, command = commandOf } of tools) {
    for (const row of rows) {
      const folder = mkdtempSync(join(tmpdir(), "keyhole-row-"));
      try {
        const observation = await observe(agent, command(row, folder), {
          output: "collect",
          patience: PATIENCE,
        });
        const { status, stderr } = observation.recording;
        const verdict = !agreed(observation) ? "different" : status === 0 ? "agreed" : "not covered";
        print(`${verdict.padEnd(12)} ${name}: ${row.name} (${summary(observation)})`);
        if (verdict === "agreed") totals.agreed += 1;
        else if (verdict === "different") {
          totals.differed += 1;
          print(indented(describeComparison(observation.comparison)));
        } else {
          totals.notCovered += 1;
          print(indented(`exit status ${status}: ${lastLines(stderr)}`));
        }
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    }
  }
  return totals;
}

function indented(text: string): string {
  return text.replace(/^/gm, "    ");
}

/** strace's remarks about strings that end where memory does are none of the command's. */
function lastLines(stderr: string): string {
  const lines = stderr.split("\n").filter((line) => line !== "" && !line.includes("short read"));
  return lines.length === 0 ? "it said nothing" : lines.slice(-6).join("\n");
}
