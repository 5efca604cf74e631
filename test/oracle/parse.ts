/**
 * Reads what `strace -ff -n -i -xx` writes about one thread: a line a call, the call's number, the address it was
 * made from, every byte of a string in hexadecimal, structures in full, flags by name. This is only strace's notation
 * (strace(1)); shapes.ts knows the calls.
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

/** How a call ended. */
export type Ending =
  | { readonly kind: "returned"; readonly ret: bigint; readonly errno: string | null }
  /** A signal came: the kernel makes the call again or makes it EINTR; `code` is ERESTARTSYS and the like. */
  | { readonly kind: "interrupted"; readonly code: string }
  /** seccomp let it end in SIGSYS. */
  | { readonly kind: "seccomp" }
  /** The thread was ended before a result could reach it; by SIGSYS, if seccomp did it, or another thread's SIGSYS. */
  | { readonly kind: "killed"; readonly sigsys: boolean };

export interface StraceCall {
  readonly tid: number;
  readonly name: string;
  /** Whether it was made as 32-bit code makes it; of x32, too, strace says no more than that. */
  readonly compat: boolean;
  readonly args: readonly StraceArgument[];
  readonly ending: Ending;
  /** The line, for messages. */
  readonly text: string;
}

/** `[ 165] [00007fea08c48829] mount(…`: of 32-bit code the address has eight digits, or none to spare. */
const LINE = /^\[ *(\?+|\d+|0x[0-9a-f]+)\] \[([0-9a-f]+|\?+)\] (.*)$/;
const NATIVE_ADDRESS = 16;
/**
 * A change of personality; execve(2), which one thread of a process may begin and another one end; a thread that was
 * killed before strace could read what it was about to call.
 */
const ELSEWHERE = /^(\[|execve\(|<\.\.\. execve resumed>|\?\?\?\()/;
const EXECUTED = / (execve\(|<\.\.\. execve resumed>).* = 0$/m;
const UNFINISHED = / *<(unfinished|detached) \.\.\.>$/;

/**
 * The calls of thread `tid` in the order in which they ended. Lines about personalities, execve(2), exits and signals
 * other than SIGSYS say nothing about calls. Throws on a line in a notation it does not know.
 */
export function parseThread(tid: number, text: string): StraceCall[] {
  const calls: StraceCall[] = [];
  /** The number of the last call, while the next line can still say that seccomp ended it. */
  let last: bigint | null = null;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const [, number, address, rest] = LINE.exec(line) ?? [];
    if (number === undefined || address === undefined || rest === undefined) {
      throw new Error(`strace's output has an unknown line: ${line}`);
    }
    if (/^(---|\+\+\+) /.test(rest)) {
      const call = calls.at(-1);
      if (call !== undefined && last !== null) {
        calls[calls.length - 1] = { ...call, ending: endingBefore(rest, last, call.ending) };
      }
    } else if (!ELSEWHERE.test(rest)) {
      calls.push(parseCall(tid, address.length < NATIVE_ADDRESS, rest));
      last = number.startsWith("?") ? null : BigInt(number);
      continue;
    }
    last = null;
  }
  return calls;
}

/** Did the thread execute a program? */
export function hasExecuted(text: string): boolean {
  return EXECUTED.test(text);
}

/**
 * What `line`, about a signal or an exit, makes of the call before it. Where seccomp ends a call, the kernel puts its
 * number back where the result goes (syscall_rollback() in kernel/seccomp.c), and strace shows it as a result.
 */
function endingBefore(line: string, number: bigint, ending: Ending): Ending {
  const byDeath = line.includes("killed by SIGSYS");
  if (ending.kind === "killed") return { kind: "killed", sigsys: byDeath };
  const isNumber = ending.kind === "returned" && ending.ret === number;
  return isNumber && (byDeath || line.includes("si_code=SYS_SECCOMP")) ? { kind: "seccomp" } : ending;
}

function parseCall(tid: number, compat: boolean, text: string): StraceCall {
  const scanner = new Scanner(text.replace(UNFINISHED, ") = ?"));
  const name = scanner.take(/\w+/y);
  scanner.expect("(");
  const args = parseArguments(scanner);
  const [, ret, errno] = scanner.match(/\s*= (\?|-?\d+|0x[0-9a-f]+)(?: (E[A-Z0-9_]+))?/y);
  return { tid, name, compat, args, ending: endingOf(ret ?? "?", errno ?? null), text };
}

function endingOf(ret: string, errno: string | null): Ending {
  if (ret !== "?") return { kind: "returned", ret: BigInt(ret), errno };
  return errno === null ? { kind: "killed", sigsys: false } : { kind: "interrupted", code: errno };
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

const WORDS = /-?\w+(?:\|\w+)*/y;

function parseValue(scanner: Scanner): StraceValue {
  if (scanner.skip("{")) return parseStruct(scanner);
  if (scanner.skip("[")) return parseList(scanner);
  if (scanner.attempt(/NULL\b/y) !== null) return { kind: "null" };
  const [quoted, hex] = scanner.attempt(/"((?:\\x[0-9a-f]{2})*)"/y) ?? [];
  if (quoted !== undefined) {
    const bytes = Buffer.from((hex ?? "").replaceAll("\\x", ""), "hex");
    return { kind: "string", bytes, cut: scanner.attempt(/\.\.\./y) !== null };
  }
  const words = scanner.take(WORDS).split("|");
  // `/* MS_??? */` says that strace has no name for the number; the exit signal of clone(2) may follow.
  while (scanner.attempt(/ \/\* [^*]*\?\?\? \*\//y) !== null && scanner.skip("|")) {
    words.push(...scanner.take(WORDS).split("|"));
  }
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
