/**
 * Reads the output of `strace -f -xx -v -o FILE`: one line a call, every byte of a string in hexadecimal,
 * structures in full, flags by name. This is only strace's notation (strace(1)); shapes.ts knows the calls.
 */

/** One value as strace wrote it. */
export type StraceValue =
  | { readonly kind: "string"; readonly bytes: Buffer; readonly cut: boolean }
  /** A number, or an address; with names or without a name for it. */
  | { readonly kind: "number"; readonly value: bigint; readonly hex: boolean }
  /** One name, or several joined by `|`; bits without a name are hexadecimal words among them. */
  | { readonly kind: "names"; readonly names: readonly string[] }
  | { readonly kind: "null" }
  | { readonly kind: "struct"; readonly fields: ReadonlyMap<string, StraceValue> }
  | { readonly kind: "list"; readonly items: readonly StraceValue[] };

export interface StraceArgument {
  /** As in `clone(child_stack=NULL, …)`; most calls' arguments have none. */
  readonly name: string | null;
  readonly value: StraceValue;
}

export interface StraceCall {
  readonly tid: number;
  readonly name: string;
  readonly args: readonly StraceArgument[];
  /** Null where the call never returned. */
  readonly ret: bigint | null;
  readonly errno: string | null;
  /** The line, for messages. */
  readonly text: string;
}

const UNFINISHED = " <unfinished ...>";

/**
 * The calls of a strace output file, in the order in which they ended; the two halves of a call that another
 * one interrupted are joined. Lines about signals, exits and personalities are left out. Throws on a line in
 * a notation it does not know.
 */
export function parseStrace(text: string): StraceCall[] {
  const calls: StraceCall[] = [];
  const begun = new Map<number, string>();
  for (const line of text.split("\n")) {
    const [, digits, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (digits === undefined || rest === undefined || /^(---|\+\+\+|strace:|\[)/.test(rest)) continue;
    const tid = Number(digits);
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const whole = resumed === null ? rest : `${begun.get(tid) ?? ""}${resumed[1]}`;
    if (whole.endsWith(UNFINISHED)) {
      begun.set(tid, whole.slice(0, -UNFINISHED.length));
      continue;
    }
    begun.delete(tid);
    calls.push(parseCall(tid, whole));
  }
  for (const [tid, start] of begun) calls.push(parseCall(tid, `${start}) = ?`));
  return calls;
}

function parseCall(tid: number, text: string): StraceCall {
  const scanner = new Scanner(text);
  const name = scanner.take(/\w+/y);
  scanner.expect("(");
  const args = parseArguments(scanner);
  const [, ret, errno] = scanner.match(/\s*= (\?|-?\d+|0x[0-9a-f]+)(?: (E[A-Z0-9]+))?/y);
  return { tid, name, args, ret: ret === "?" ? null : BigInt(ret ?? 0), errno: errno ?? null, text };
}

function parseArguments(scanner: Scanner): StraceArgument[] {
  const args: StraceArgument[] = [];
  while (!scanner.skip(")")) {
    const [, name] = scanner.attempt(/(\w+)=(?![>=])/y) ?? [];
    args.push({ name: name ?? null, value: parseValue(scanner) });
    // What the kernel wrote back, as in `{flags=…} => {parent_tid=[12]}`, is no argument.
    if (scanner.attempt(/ => /y) !== null) parseValue(scanner);
    scanner.attempt(/, /y);
  }
  return args;
}

function parseValue(scanner: Scanner): StraceValue {
  if (scanner.skip("{")) return parseStruct(scanner);
  if (scanner.skip("[")) return parseList(scanner);
  if (scanner.attempt(/NULL\b/y) !== null) return { kind: "null" };
  const [quoted, hex] = scanner.attempt(/"((?:\\x[0-9a-f]{2})*)"/y) ?? [];
  if (quoted !== undefined) {
    const bytes = Buffer.from((hex ?? "").replaceAll("\\x", ""), "hex");
    return { kind: "string", bytes, cut: scanner.attempt(/\.\.\./y) !== null };
  }
  const words = scanner.take(/-?\w+(?:\|\w+)*/y).split("|");
  // `/* MS_??? */` says that strace has no name for the number.
  scanner.attempt(/ \/\* [^*]*\?\?\? \*\//y);
  const [first = "0"] = words;
  if (words.length > 1 || !/^-?\d/.test(first)) return { kind: "names", names: words };
  return { kind: "number", value: integer(first), hex: first.startsWith("0x") };
}

function parseStruct(scanner: Scanner): StraceValue {
  const fields = new Map<string, StraceValue>();
  while (!scanner.skip("}")) {
    // `/* bytes 32..39 */ "…"`: what follows the structure that strace knows.
    const [beyond] = scanner.attempt(/\/\* bytes (\d+)\.\.\d+ \*\/ /y) ?? [];
    const name = beyond === undefined ? scanner.match(/(\w+)=/y)[1] : beyond.trim();
    fields.set(name ?? "", parseValue(scanner));
    scanner.attempt(/, /y);
  }
  return { kind: "struct", fields };
}

function parseList(scanner: Scanner): StraceValue {
  const items: StraceValue[] = [];
  while (!scanner.skip("]")) {
    items.push(parseValue(scanner));
    scanner.attempt(/,? /y);
  }
  return { kind: "list", items };
}

/** strace writes decimal, `0x…` and, for modes, octal with a leading 0. */
function integer(word: string): bigint {
  return /^0\d/.test(word) ? BigInt(`0o${word.slice(1)}`) : BigInt(word);
}

/** A position in a line, moved on by sticky patterns. */
class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  attempt(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match !== null) this.#at = pattern.lastIndex;
    return match;
  }

  match(pattern: RegExp): RegExpExecArray {
    const match = this.attempt(pattern);
    if (match !== null) return match;
    throw new Error(
      `strace's output has ${JSON.stringify(this.#text.slice(this.#at))}, not ${pattern}, in: ${this.#text}`,
    );
  }

  take(pattern: RegExp): string {
    return this.match(pattern)[0];
  }

  skip(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  expect(character: string): void {
    if (!this.skip(character))
      throw new Error(`strace's output lacks ${character} at ${this.#at}: ${this.#text}`);
  }
}
