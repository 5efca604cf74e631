/** One quantity: what it was, in every round, for Keyhole and for the reference. */
export interface Row {
  readonly what: string;
  readonly unit: string;
  readonly keyhole: readonly number[];
  /** Null where the reference cannot be measured, or is not installed. */
  readonly reference: readonly number[] | null;
  readonly budget: number | null;
  /** The same path with our code reduced to the minimum; absent where none was measured. */
  readonly floor?: readonly number[];
}

export interface Report {
  readonly benchmark: string;
  /** The reference's name and version, or why there is none. */
  readonly reference: string;
  readonly rows: readonly Row[];
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A table on stdout: medians with their range, and the ratio of the medians. */
export function printReport({ benchmark, reference, rows }: Report): void {
  const lines = [["", "keyhole", "reference", "ratio", "budget", "floor"]];
  for (const row of rows) {
    const ratio =
      row.reference === null || median(row.reference) === 0
        ? ""
        : (median(row.keyhole) / median(row.reference)).toFixed(2);
    const budget = row.budget === null ? "" : `${row.budget} ${verdict(row)}`;
    const name = `${row.what}, ${row.unit}`;
    const [reference, floor] = [row.reference ?? [], row.floor ?? []].map((values) => spread(values));
    lines.push([name, spread(row.keyhole), reference!, ratio, budget, floor!]);
  }
  const widths = lines[0]!.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)));
  process.stdout.write(`\n${benchmark}, beside ${reference}\n`);
  for (const line of lines) {
    process.stdout.write(
      `${line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join("  ")
        .trimEnd()}\n`,
    );
  }
}

function verdict({ keyhole, budget }: Row): string {
  return median(keyhole) <= budget! ? "met" : "MISSED";
}

function spread(values: readonly number[]): string {
  if (values.length === 0) return "";
  const show = (value: number) => (value < 10 ? value.toFixed(2) : value.toFixed(0));
  return `${show(median(values))} [${show(Math.min(...values))}..${show(Math.max(...values))}]`;
}
