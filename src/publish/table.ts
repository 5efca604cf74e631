import { lengthOf } from "./style.js";

export interface TableColumn {
  readonly name: string;
  /** Its cells stand at its right edge: numbers. */
  readonly right?: boolean;
}

/**
 * The lines of a table: its header, then one line a row, in columns as wide as their widest cell. Cells are already
 * neutralised. The last column is not filled up. `headed`: whether the header is to be shown, and needs its width.
 */
export function alignTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  { headed = true }: { readonly headed?: boolean } = {},
): { readonly header: string; readonly lines: readonly string[] } {
  const count = columns.length;
  const table = headed ? [columns.map(({ name }) => name), ...rows] : rows;
  const lengths = new Uint32Array(table.length * count);
  const widths = new Uint32Array(count);
  let at = 0;
  for (const row of table) {
    for (let column = 0; column < count; column++) {
      const length = lengthOf(row[column]!);
      lengths[at++] = length;
      if (length > widths[column]!) widths[column] = length;
    }
  }
  at = 0;
  const lines = table.map((row) => {
    let text = "";
    for (let column = 0; column < count; column++) {
      const cell = row[column]!;
      const lacking = widths[column]! - lengths[at++]!;
      if (column > 0) text += " ";
      if (columns[column]!.right === true) text += " ".repeat(lacking) + cell;
      else text += column === count - 1 || lacking === 0 ? cell : cell + " ".repeat(lacking);
    }
    return text;
  });
  return headed ? { header: lines[0]!, lines: lines.slice(1) } : { header: "", lines };
}
