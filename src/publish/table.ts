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
  const header = columns.map(({ name }) => name);
  const widths = columns.map((_, column) => {
    let width = 0;
    if (headed) width = lengthOf(header[column]!);
    for (const row of rows) width = Math.max(width, lengthOf(row[column]!));
    return width;
  });
  const line = (row: readonly string[]): string => {
    let text = "";
    for (const [column, cell] of row.entries()) {
      const fill = " ".repeat(widths[column]! - lengthOf(cell));
      if (column > 0) text += " ";
      if (columns[column]!.right === true) text += fill + cell;
      else text += column === row.length - 1 ? cell : cell + fill;
    }
    return text;
  };
  return { header: headed ? line(header) : "", lines: rows.map(line) };
}
