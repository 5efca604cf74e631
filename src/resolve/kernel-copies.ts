import { readPath } from "../capture/text.js";
import { EVENT, type Field, FieldId, Flag, Status, Wire } from "../capture/wire.js";
import { callerPath } from "../mounts/caller-path.js";

/** A record, wherever it lies. */
export interface RecordAt {
  readonly wire: Wire;
  readonly record: number;
}

interface Copy {
  readonly wire: Wire;
  readonly op: number;
  /** When the call was entered, CLOCK_BOOTTIME in nanoseconds. */
  readonly entered: bigint;
}

/** Which argument a path that the kernel found belongs to, and the field with the directory that its string starts from. */
interface PathArgument {
  readonly argument: number;
  readonly found: number;
  readonly base: number;
}

const first = (argument: number): PathArgument => ({ argument, found: FieldId.path, base: FieldId.base });
const second = (argument: number): PathArgument => ({
  argument,
  found: FieldId.toPath,
  base: FieldId.toBase,
});

/** By enum kh_op of bpf/event.h: the paths of the calls that bpf/copies.h sees. */
const PATHS: Readonly<Record<number, readonly PathArgument[]>> = {
  3: [first(1)],
  4: [first(0)],
  5: [first(0)],
  10: [first(1), second(3)],
  14: [first(0), second(1)],
  15: [first(0)],
};
const FSCONFIG = 8;
/** FSCONFIG_SET_FD, include/uapi/linux/mount.h: the commands behind it take no strings, but file systems parse some meanwhile. */
const LAST_SET = 5n;
/** Fields of this id and above are no arguments. */
const ARGUMENTS = 6;
/** Calls under way whose strings are remembered. */
const MAX_PENDING = 4096;
const FIELD_HEAD = 8;

/**
 * What the kernel itself holds of the strings of calls that are under way: records of their own, ahead of that of the
 * call. Its strings take the place of those that were read from user memory, which another thread may have rewritten.
 */
export class KernelCopies {
  /** By tid. */
  readonly #pending = new Map<number, Copy>();
  #evictions = 0;

  /** Copies that had to make room. */
  get evictions(): number {
    return this.#evictions;
  }

  /** Keeps the record of kind KH_COPY at `record`, whose memory is used again. */
  keep(wire: Wire, record: number): void {
    const tid = wire.u32(record + EVENT.tid);
    const entered = wire.arg(record, 0);
    // a call has the first of them only: what follows comes from the file system
    if (this.#pending.get(tid)?.entered === entered) return;
    if (this.#pending.size >= MAX_PENDING) {
      this.#pending.delete(this.#pending.keys().next().value!);
      this.#evictions++;
    }
    const length = wire.u32(record + EVENT.length);
    const bytes = new Uint8Array(length);
    bytes.set(wire.bytes.subarray(record, record + length));
    this.#pending.set(tid, { wire: new Wire(bytes), op: wire.u32(record + EVENT.op), entered });
  }

  /** The record of the call at `record`, with the kernel's strings if there are any; its flag then says so. */
  join(wire: Wire, record: number): RecordAt {
    const tid = wire.u32(record + EVENT.tid);
    const copy = this.#pending.get(tid);
    if (copy === undefined) return { wire, record };
    this.#pending.delete(tid);
    const fields = wire.fields(record);
    const duration = fields.find(({ id }) => id === FieldId.duration);
    const op = wire.u32(record + EVENT.op);
    const isOfCall =
      duration !== undefined &&
      op === copy.op &&
      wire.u64(record + EVENT.time) - wire.u64(duration.at) === copy.entered &&
      (op !== FSCONFIG || BigInt.asUintN(32, wire.arg(record, 1)) <= LAST_SET);
    return isOfCall ? merge(wire, record, fields, copy.wire) : { wire, record };
  }
}

/** A record in new memory: that of the call, with what `copy` has in place of its strings. */
function merge(wire: Wire, record: number, fields: readonly Field[], copy: Wire): RecordAt {
  const copied = copy.fields(0);
  const strings = copied.filter(({ id }) => id < ARGUMENTS);
  const parts = strings.map((field) => bytesOf(copy, field));
  const dropped = new Set(strings.map(({ id }) => id));
  let isComplete = true;
  for (const path of PATHS[wire.u32(record + EVENT.op)] ?? []) {
    const found = copied.find(({ id }) => id === path.found);
    // a path that ends outside of the caller's root, or is too long, leaves the string as the only answer
    if (found?.status !== Status.ok) {
      isComplete &&= isEmpty(fields.find(({ id }) => id === path.argument));
      continue;
    }
    const text = readPath(copy.bytes, found.at, found.at + found.length);
    if (leadsTo(wire, fields, path, text)) continue;
    parts.push(stringField(path.argument, text));
    dropped.add(path.argument).add(path.base);
  }
  const kept = fields.filter(({ id }) => !dropped.has(id)).map((field) => bytesOf(wire, field));
  const memory = Buffer.concat([wire.bytes.subarray(record, record + EVENT.sizeof), ...kept, ...parts]);
  memory.writeUInt32LE(memory.length, EVENT.length);
  if (isComplete) {
    memory.writeUInt32LE((wire.u32(record + EVENT.flags) | Flag.kernelStrings) >>> 0, EVENT.flags);
  }
  return { wire: new Wire(new Uint8Array(memory)), record: 0 };
}

/** Does the string that was read after the call name the path that the kernel found, as far as text can say? */
function leadsTo(
  wire: Wire,
  fields: readonly Field[],
  { argument, base }: PathArgument,
  found: string,
): boolean {
  const field = fields.find(({ id }) => id === argument);
  if (isEmpty(field)) return true;
  if (field === undefined || field.status !== Status.ok) return false;
  const text = wire.bytes.toString("utf8", field.at, field.at + field.length);
  const from = fields.find(({ id, status }) => id === base && status === Status.ok);
  if (from !== undefined || text.startsWith("/")) {
    const start = from === undefined ? null : readPath(wire.bytes, from.at, from.at + from.length);
    return callerPath(text, start) === found;
  }
  // the call succeeded in changing the root, and with it where relative paths start from
  const end = callerPath(text, "/");
  return end !== null && (end === "/" || found.endsWith(end));
}

/** An empty string means the descriptor that the path starts from, which may be a mount that is nowhere. */
function isEmpty(field: Field | undefined): boolean {
  return field?.status === Status.ok && field.length === 0;
}

/** A field with its head, up to where the next one starts. */
function bytesOf(wire: Wire, { at, length }: Field): Buffer {
  return wire.bytes.subarray(at - FIELD_HEAD, at + ((length + 7) & ~7));
}

function stringField(id: number, text: string): Buffer {
  const length = Buffer.byteLength(text);
  const field = Buffer.alloc(FIELD_HEAD + ((length + 7) & ~7));
  field.writeUInt8(id, 0);
  field.writeUInt8(Status.ok, 1);
  field.writeUInt16LE(length, 2);
  field.write(text, FIELD_HEAD);
  return field;
}
