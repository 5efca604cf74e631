/** What a {@link KeyholeError} is made of. */
export interface KeyholeErrorDetails {
  /** Stable, searchable: `KEYHOLE_…`. Listed in docs/errors.md. */
  readonly code: `KEYHOLE_${string}`;
  /** What was wanted, e.g. `a number from 1 to 65535`. */
  readonly expected?: string;
  /** What was there instead. */
  readonly found?: string;
  /** One line that says what to do about it. */
  readonly hint?: string;
  /** The status the process ends with when nothing catches this; 2 unless it is said otherwise. */
  readonly exitCode?: number;
  readonly cause?: unknown;
}

/**
 * An error that a user can act on: the command line prints its message, expected, found and hint, never
 * its stack. Any other exception is a defect of Keyhole.
 */
export class KeyholeError extends Error {
  readonly code: string;
  readonly expected: string | undefined;
  readonly found: string | undefined;
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, details: KeyholeErrorDetails) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "KeyholeError";
    this.code = details.code;
    this.expected = details.expected;
    this.found = details.found;
    this.hint = details.hint;
    this.exitCode = details.exitCode ?? 2;
  }
}

/** The lines a terminal shows for `error`: message, then expected, found and hint where they are known. */
export function describeError(error: KeyholeError): string {
  const lines = [`keyhole: ${error.message} [${error.code}]`];
  if (error.expected !== undefined) lines.push(`  expected: ${error.expected}`);
  if (error.found !== undefined) lines.push(`  found:    ${error.found}`);
  if (error.hint !== undefined) lines.push(`  do:       ${error.hint}`);
  return lines.join("\n");
}
