import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";

/** Larger than any that a runtime writes: seccomp profiles and mounts make hundreds of thousands of bytes. */
const MAX_BYTES = 4 << 20;

/** The text of a regular file of the host's root; null where it is not there, or is not such a file. */
export function readRuntimeFile(path: string): string | null {
  let fd: number;
  try {
    // nothing that blocks, whatever stands there
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  try {
    const status = fstatSync(fd);
    if (!status.isFile() || status.size > MAX_BYTES || status.uid !== 0) return null;
    const bytes = Buffer.alloc(status.size);
    return bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, 0));
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}
