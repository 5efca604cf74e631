import { appendFileSync, closeSync, openSync, readFileSync } from "node:fs";

/** A file of an archive: its absolute path in the root it is unpacked to, and what it is. */
export type Entry =
  | { readonly path: string; readonly kind: "folder" }
  | { readonly path: string; readonly kind: "link"; readonly target: string }
  | { readonly path: string; readonly kind: "file"; readonly from: string; readonly executable: boolean };

const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;

/**
 * Writes `entries` as an initramfs to `file`: a "newc" archive of the kernel's
 * Documentation/driver-api/early-userspace/buffer-format.rst. Everything belongs to root. A folder must come
 * before what is in it.
 */
export function writeCpio(file: string, entries: readonly Entry[]): void {
  const archive = openSync(file, "w");
  try {
    entries.forEach((entry, index) => {
      for (const part of member(index + 1, entry)) appendFileSync(archive, part);
    });
    appendFileSync(archive, header(0, 0, 0, "TRAILER!!!"));
  } finally {
    closeSync(archive);
  }
}

function member(inode: number, entry: Entry): readonly Buffer[] {
  const name = entry.path.slice(1);
  if (entry.kind === "folder") return [header(inode, S_IFDIR | 0o755, 0, name)];
  const body = entry.kind === "link" ? Buffer.from(entry.target) : readFileSync(entry.from);
  const mode = entry.kind === "link" ? S_IFLNK | 0o777 : S_IFREG | (entry.executable ? 0o755 : 0o644);
  return [header(inode, mode, body.length, name), body, padding(body.length)];
}

/** Magic, 13 numbers of eight hexadecimal digits, and the name; padded to a multiple of four bytes. */
function header(inode: number, mode: number, size: number, name: string): Buffer {
  const nameSize = Buffer.byteLength(name) + 1;
  const numbers = [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, nameSize, 0];
  const text = `070701${numbers.map((number) => number.toString(16).padStart(8, "0")).join("")}${name}\0`;
  return Buffer.concat([Buffer.from(text), padding(Buffer.byteLength(text))]);
}

function padding(length: number): Buffer {
  return Buffer.alloc(-length & 3);
}
