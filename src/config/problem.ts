import { KeyholeError } from "../errors.js";

/** One thing that is wrong in the configuration. */
export interface Problem {
  /** `FILE:LINE:COLUMN`, the variable's name or the flag. */
  readonly where: string;
  readonly what: string;
  readonly expected?: string;
  readonly found?: string;
  readonly hint?: string;
}

/** The error for `problems` (at least one): a single one in full, several as one line each. */
export function configError(problems: readonly Problem[]): KeyholeError {
  const [first] = problems;
  if (problems.length === 1 && first !== undefined) {
    return new KeyholeError(`${first.where}: ${first.what}`, {
      code: "KEYHOLE_CONFIG",
      ...(first.expected !== undefined && { expected: first.expected }),
      ...(first.found !== undefined && { found: first.found }),
      ...(first.hint !== undefined && { hint: first.hint }),
    });
  }
  return new KeyholeError(`${problems.length} errors in the configuration`, {
    code: "KEYHOLE_CONFIG",
    found: problems.map(line).join("\n            "),
  });
}

function line({ where, what, expected, found, hint }: Problem): string {
  const wanted = expected === undefined ? "" : `, expected ${expected}`;
  const got = found === undefined ? "" : `, found ${found}`;
  return `${where}: ${what}${wanted}${got}${hint === undefined ? "" : ` (${hint})`}`;
}

/** `value` as it is quoted in a message: JSON, cut, without control characters. */
export function quote(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  const plain = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
  return plain.length > 80 ? `${plain.slice(0, 79)}…` : plain;
}
