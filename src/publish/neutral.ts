/**
 * Characters that a terminal does not simply draw: controls (ESC and the C1 set begin escape sequences),
 * format characters (bidi overrides, zero-width ones), line separators, lone surrogates, unassigned and
 * private ones, and those that are invisible by default. The backslash is in it so that an escape that was
 * written by us cannot be told from one that was in the text only because the text had none.
 */
const UNSAFE = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\\]/gu;
const PLAIN = /^[ -[\]-~]*$/;

/** `text` with every unsafe character escaped: `\xNN` below U+0100, `\u{…}` above, `\\` for a backslash. */
export function neutralise(text: string): string {
  return PLAIN.test(text) ? text : text.replace(UNSAFE, escapeCharacter);
}

function escapeCharacter(character: string): string {
  if (character === "\\") return "\\\\";
  const code = character.codePointAt(0)!;
  const hex = code.toString(16);
  return code < 0x100 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
}

/** Neutralised and in double quotes, as strace prints strings. */
export function quoted(text: string): string {
  return `"${neutralise(text).replaceAll('"', '\\"')}"`;
}

/** As it is when it can only be one word, else {@link quoted}: a comm can be `sh[1] = 0`. */
export function word(text: string): string {
  return /^[\w.:/@+-]+$/.test(text) ? text : quoted(text);
}
