/** The file that a call has opened, as bpf/opened.h found it. */
import { isUtf8 } from "node:buffer";
import { FMODE } from "./open-table.js";
import { pathBytes, readName, readPath } from "./text.js";
import { type Field, FieldId, OPENED, OpenedWhy, Status, type Wire } from "./wire.js";

export interface OpenedRecord {
  readonly fsType: string;
  /** major:minor as in mountinfo */
  readonly dev: string;
  readonly inode: bigint;
  /** From the root of its file system, or the last of its components. */
  readonly path: string;
  readonly isWhole: boolean;
  /** Of a path that is not UTF-8 the exact bytes, base64. */
  readonly raw: string | null;
  readonly access: readonly ("read" | "write")[];
  /** It may be one of the catalogue's. */
  readonly isEntry: boolean;
  readonly isForeign: boolean;
  readonly isRuntime: boolean;
  /** The process whose directory of procfs it is in; null for none. */
  readonly process: { readonly pid: number; readonly start: bigint } | null;
}

/** Null for a record that opened nothing. */
export function readOpened(wire: Wire, fields: readonly Field[]): OpenedRecord | null {
  const opened = fields.find(({ id }) => id === FieldId.opened);
  if (opened === undefined) return null;
  const path = fields.find(({ id }) => id === FieldId.openedPath);
  const { at } = opened;
  const dev = wire.u32(at + OPENED.dev);
  const why = wire.u32(at + OPENED.why);
  const mode = wire.u32(at + OPENED.mode);
  const pid = wire.u32(at + OPENED.pid);
  const text = path === undefined ? "" : readPath(wire.bytes, path.at, path.at + path.length);
  const exact =
    path === undefined || !text.includes("\ufffd")
      ? null
      : wire.bytes.subarray(path.at, path.at + path.length);
  return {
    fsType: readName(wire.bytes, at + OPENED.fs_type, 16),
    // MKDEV() of include/linux/kdev_t.h
    dev: `${dev >>> 20}:${dev & 0xfffff}`,
    inode: wire.u64(at + OPENED.inode),
    path: text,
    isWhole: path?.status === Status.ok,
    raw: exact === null || isUtf8(exact) ? null : pathBytes(exact).toString("base64"),
    access: (["read", "write"] as const).filter((name) => (mode & FMODE[name]) !== 0),
    isEntry: (why & OpenedWhy.entry) !== 0,
    isForeign: (why & OpenedWhy.foreign) !== 0,
    isRuntime: (why & OpenedWhy.runtime) !== 0,
    process: pid === 0 ? null : { pid, start: wire.u64(at + OPENED.start) },
  };
}
