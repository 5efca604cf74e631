import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import type { IncomingHttpHeaders } from "node:http";
import { KeyholeError } from "../errors.js";
import { shownToken } from "./headers.js";

/** A mounted secret is renewed in place; it is read again when it is older than this, in milliseconds. */
const MAX_AGE_MS = 1_000;
const MIN_LENGTH = 16;

/** The bearer token of a file, RFC 6750. */
export class Token {
  readonly #file: string;
  #digest: Buffer;
  #readAt: number;

  /** Throws KEYHOLE_TOKEN when the file cannot be read or holds no usable token. */
  constructor(file: string) {
    this.#file = file;
    this.#digest = digest(readToken(file));
    this.#readAt = performance.now();
  }

  /** True when the request shows the token. Takes the same time for any wrong one. */
  isShownIn(headers: IncomingHttpHeaders): boolean {
    const shown = shownToken(headers);
    if (shown === undefined) return false;
    this.#refresh();
    return timingSafeEqual(digest(shown), this.#digest);
  }

  /** A file that cannot be read for a moment, while it is replaced, leaves the last token in force. */
  #refresh(): void {
    const now = performance.now();
    if (now - this.#readAt < MAX_AGE_MS) return;
    this.#readAt = now;
    try {
      this.#digest = digest(readToken(this.#file));
    } catch (error) {
      if (!(error instanceof KeyholeError)) throw error;
    }
  }
}

/** The token in `file`. Throws KEYHOLE_TOKEN. */
export function readToken(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new KeyholeError(`the token file ${file} cannot be read`, {
      code: "KEYHOLE_TOKEN",
      found: (error as NodeJS.ErrnoException).code ?? String(error),
      hint: "check token_file (--token-file) and the permissions of the file",
      cause: error,
    });
  }
  if (text.length < MIN_LENGTH || !/^[!-~]+$/.test(text)) {
    throw new KeyholeError(`the token file ${file} holds no usable token`, {
      code: "KEYHOLE_TOKEN",
      expected: `one line of at least ${MIN_LENGTH} printable ASCII characters without spaces`,
      found: `${text.length} characters`,
      hint: `make one: head -c 32 /dev/urandom | base64 > ${file}`,
    });
  }
  return text;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
