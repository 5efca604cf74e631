import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, unlinkSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyholeError } from "../errors.js";
import { unreadable } from "./recording-reader.js";

/** Where a recording can be read from its beginning as often as one likes. */
export interface RereadableRecording {
  readonly path: string;
  /** Forgets the copy, if one was made. */
  release(): void;
}

const CHUNK = 1024 * 1024;

/**
 * A recording for who has to read it twice. What is no regular file (a pipe) gives what it has only once: it is copied to a file
 * without a name in the directory for temporary files (TMPDIR), which ends with this process at the latest. Throws KEYHOLE_RECORDING.
 */
export function rereadable(file: string): RereadableRecording {
  const there = statSync(file, { throwIfNoEntry: false });
  // opening it says what is wrong with the others
  if (there === undefined || there.isFile() || there.isDirectory()) return { path: file, release: () => {} };
  const copy = unnamedFile(file);
  try {
    copyAll(file, copy);
  } catch (error) {
    closeSync(copy);
    throw error;
  }
  return { path: `/proc/self/fd/${copy}`, release: () => closeSync(copy) };
}

/** A recording is its owner's alone, and so is a copy of it. */
function unnamedFile(file: string): number {
  try {
    const directory = mkdtempSync(join(tmpdir(), "keyhole-"));
    try {
      const path = join(directory, "recording");
      const fd = openSync(path, "wx+", 0o600);
      unlinkSync(path);
      return fd;
    } finally {
      rmSync(directory, { recursive: true });
    }
  } catch (error) {
    throw notCopied(file, error);
  }
}

function copyAll(file: string, copy: number): void {
  const chunk = Buffer.allocUnsafe(CHUNK);
  const read = reading(file);
  try {
    for (let count = read.next(chunk); count > 0; count = read.next(chunk)) {
      for (let written = 0; written < count; ) written += write(file, copy, chunk.subarray(written, count));
    }
  } finally {
    read.close();
  }
}

function reading(file: string): { next(chunk: Buffer): number; close(): void } {
  const orUnreadable = <Value>(act: () => Value): Value => {
    try {
      return act();
    } catch (error) {
      throw unreadable(file, error);
    }
  };
  const fd = orUnreadable(() => openSync(file, "r"));
  const next = (chunk: Buffer): number => orUnreadable(() => readSync(fd, chunk, 0, chunk.length, null));
  return { next, close: () => closeSync(fd) };
}

function write(file: string, copy: number, bytes: Buffer): number {
  try {
    return writeSync(copy, bytes);
  } catch (error) {
    throw notCopied(file, error);
  }
}

function notCopied(file: string, error: unknown): KeyholeError {
  return new KeyholeError(`${file} is a pipe, and what comes out of it cannot be copied`, {
    code: "KEYHOLE_RECORDING",
    expected: `room in ${tmpdir()}: the recording is read twice`,
    found: (error as NodeJS.ErrnoException).code ?? String(error),
    hint: "name a regular file, or another directory for the copy by TMPDIR",
    cause: error,
  });
}
