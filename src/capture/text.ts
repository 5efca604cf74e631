import { isUtf8 } from "node:buffer";

/** A string out of traced memory: U+FFFD stands for what is not UTF-8, and `raw` is then its exact bytes. */
export interface Text {
  readonly text: string;
  readonly raw: string | null;
}

/** Reads `bytes[from, to)`, without a NUL at its end. */
export function readText(bytes: Buffer, from: number, to: number): Text {
  const text = bytes.toString("utf8", from, to);
  if (!text.includes("\ufffd")) return { text, raw: null };
  const exact = bytes.subarray(from, to);
  return { text, raw: isUtf8(exact) ? null : exact.toString("base64") };
}

/** Reads a NUL-ended string of at most `size` bytes, such as a comm. */
export function readName(bytes: Buffer, at: number, size: number): string {
  let end = at;
  while (end < at + size && bytes[end] !== 0) end++;
  return bytes.toString("utf8", at, end);
}

/**
 * The path that bpf/path.h sends: components from the last one up, each ended by a NUL. A path of no
 * component is the root.
 */
export function readPath(bytes: Buffer, from: number, to: number): string {
  let path = "";
  let start = from;
  for (let at = from; at < to; at++) {
    if (bytes[at] !== 0) continue;
    path = `/${bytes.toString("utf8", start, at)}${path}`;
    start = at + 1;
  }
  return path === "" ? "/" : path;
}

/** The exact bytes of such a path. */
export function pathBytes(components: Buffer): Buffer {
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = 0; at < components.length; at++) {
    if (components[at] !== 0) continue;
    parts.unshift(Buffer.from("/"), components.subarray(start, at));
    start = at + 1;
  }
  return Buffer.concat(parts);
}
