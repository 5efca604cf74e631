/** Select Graphic Rendition parameters (ECMA-48 8.3.117) by what they are used for. */
const SGR = {
  plain: "",
  dim: "2",
  bold: "1",
  good: "32",
  bad: "31",
  changed: "33",
  container: "36",
  host: "35",
  critical: "1;97;41",
  high: "1;31",
  medium: "1;33",
  low: "34",
  info: "36",
} as const;

export type Style = keyof typeof SGR;

/** A piece of a line. Its text is already neutralised. */
export interface Span {
  readonly text: string;
  readonly style: Style;
}

export function span(text: string, style: Style = "plain"): Span {
  return { text, style };
}

/** The spans as one line, cut to `width` characters (with an ellipsis) when it is given. */
export function render(spans: readonly Span[], color: boolean, width?: number): string {
  let line = "";
  if (width === undefined) {
    for (const { text, style } of spans) line += paint(text, style, color);
    return line;
  }
  let room = width;
  const total = spans.reduce((sum, { text }) => sum + lengthOf(text), 0);
  const cut = total > room;
  if (cut) room -= 1;
  for (const { text, style } of spans) {
    const shown = lengthOf(text) <= room ? text : [...text].slice(0, room).join("");
    room -= lengthOf(shown);
    line += paint(shown, style, color);
  }
  return cut ? `${line}…` : line;
}

function paint(text: string, style: Style, color: boolean): string {
  return color && SGR[style] !== "" && text !== "" ? `\x1b[${SGR[style]}m${text}\x1b[0m` : text;
}

/** `text`, or as much of it as fits `width` characters with an ellipsis. */
export function cutTo(text: string, width: number): string {
  if (lengthOf(text) <= width) return text;
  return `${[...text].slice(0, Math.max(width - 1, 0)).join("")}…`;
}

/** Half of a character that takes two units of UTF-16. */
const SURROGATE = /[\ud800-\udfff]/;

/** How many characters. */
export function lengthOf(text: string): number {
  return SURROGATE.test(text) ? [...text].length : text.length;
}
