import { median } from "./statistics.js";
import type { Role } from "./tracers.js";

/** What one tracer, or nothing attached at all, measured: a value for each round. */
export interface Series {
  readonly who: string;
  /** "none": measured without any tracer. */
  readonly role: Role | "none";
  readonly values: readonly number[];
}

export interface Quantity {
  readonly what: string;
  readonly unit: string;
  /** The most that it may be for Keyhole, as DESIGN sets it; absent where nothing is set. */
  readonly budget?: number;
  readonly series: readonly Series[];
  /** Where comparing the median with the budget would not be the answer. */
  readonly verdict?: Verdict;
  /** Said below the numbers. */
  readonly note?: string;
}

export interface Report {
  /** As the command line calls it. */
  readonly name: string;
  readonly title: string;
  readonly quantities: readonly Quantity[];
  /** What was not measured, and why. */
  readonly notes: readonly string[];
}

export type Verdict = "met" | "missed" | "undecided";

/** Whether Keyhole's median is within the budget; null without a budget or without numbers. */
export function verdict({ budget, series, verdict: decided }: Quantity): Verdict | null {
  if (decided !== undefined) return decided;
  const own = series.find(({ role }) => role === "keyhole");
  if (budget === undefined || own === undefined || own.values.length === 0) return null;
  return median(own.values) <= budget ? "met" : "missed";
}

/** A report as a table: for each quantity the median and the range of every tracer, Keyhole first. */
export function formatReport({ name, title, quantities, notes }: Report): string {
  const lines = [`\n${name}: ${title}`];
  for (const quantity of quantities) {
    const { what, unit, budget, note } = quantity;
    lines.push(`  ${what}, ${unit}${budget === undefined ? "" : `; at most ${budget}`}`);
    const ours = quantity.series.find(({ role }) => role === "keyhole");
    const rows = quantity.series.map((series) => row(series, ours, verdict(quantity)));
    const widths = rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length))) ?? [];
    for (const cells of rows) {
      const padded = cells.map((cell, index) =>
        index === 1 ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!),
      );
      lines.push(`    ${padded.join("  ").trimEnd()}`);
    }
    if (note !== undefined) lines.push(`    (${note})`);
  }
  for (const note of notes) lines.push(`  ${note}`);
  return `${lines.join("\n")}\n`;
}

/** Name, median, range, and what there is to say of it. */
function row(series: Series, ours: Series | undefined, own: Verdict | null): string[] {
  const { who, role, values } = series;
  if (values.length === 0) return [who, "-", "", ""];
  const range = `${show(Math.min(...values))} .. ${show(Math.max(...values))}`;
  return [who, show(median(values)), range, role === "keyhole" ? (own ?? "") : compare(series, ours)];
}

/** How much Keyhole's median is of this one. */
function compare({ role, values }: Series, ours: Series | undefined): string {
  const its = median(values);
  if (role === "none" || ours === undefined || ours.values.length === 0 || its <= 0) return "";
  return `keyhole / this: ${show(median(ours.values) / its)}`;
}

function show(value: number): string {
  if (!Number.isFinite(value)) return "-";
  const size = Math.abs(value);
  if (size >= 100 || value === 0) return value.toFixed(0);
  return value.toFixed(size >= 10 ? 1 : 2);
}

/** Every budget with its verdict, and the floor where it was missed. */
export function formatBudgets(reports: readonly Report[]): string {
  const lines = reports.flatMap(({ name, quantities }) =>
    quantities.flatMap((quantity) => {
      const own = verdict(quantity);
      if (own === null) return [];
      const found = (role: Role) => quantity.series.find((series) => series.role === role);
      const least = found("floor");
      const measured =
        least === undefined || least.values.length === 0 ? "not measured" : show(median(least.values));
      const value = show(median(found("keyhole")!.values));
      const floor = own !== "met" ? `, floor ${measured}` : "";
      const limit = quantity.budget === undefined ? quantity.note : `at most ${quantity.budget}${floor}`;
      return `  ${own.padEnd(9)}  ${name}: ${quantity.what}: ${value} ${quantity.unit} (${limit})`;
    }),
  );
  return lines.length === 0 ? "" : `\nbudgets\n${lines.join("\n")}\n`;
}
