import { EVENT, WIRE_VERSION, Wire } from "../../src/capture/wire.js";

/** A field to put behind the head of a record: bytes, or a NUL-less string. */
export interface FieldBytes {
  readonly id: number;
  readonly status?: number;
  readonly bytes: Uint8Array | string;
}

export interface RecordParts {
  readonly kind?: number;
  readonly op?: number;
  readonly ret?: bigint;
  readonly args?: readonly bigint[];
  readonly flags?: number;
  readonly time?: bigint;
  readonly comm?: string;
  readonly tid?: number;
  readonly pid?: number;
  readonly ns?: readonly number[];
  readonly fields?: readonly FieldBytes[];
}

/** Bytes laid out as bpf/event.h says, for tests that need no kernel. */
export function record(parts: RecordParts): Wire {
  const fields = (parts.fields ?? []).map(({ id, status = 0, bytes }) => {
    const content = Buffer.from(bytes as Uint8Array);
    const field = Buffer.alloc(8 + ((content.length + 7) & ~7));
    field.writeUInt8(id, 0);
    field.writeUInt8(status, 1);
    field.writeUInt16LE(content.length, 2);
    content.copy(field, 8);
    return field;
  });
  const head = Buffer.alloc(EVENT.sizeof);
  head.writeUInt16LE(WIRE_VERSION, EVENT.version);
  head.writeUInt8(parts.kind ?? 1, EVENT.kind);
  head.writeBigUInt64LE(parts.time ?? 1_000n, EVENT.time);
  head.writeBigInt64LE(parts.ret ?? 0n, EVENT.ret);
  for (const [index, arg] of (parts.args ?? []).entries()) {
    head.writeBigUInt64LE(BigInt.asUintN(64, arg), EVENT.args + index * 8);
  }
  head.writeUInt32LE(parts.op ?? 0, EVENT.op);
  head.writeUInt32LE(parts.flags ?? 0, EVENT.flags);
  head.writeUInt32LE(parts.pid ?? 100, EVENT.pid);
  head.writeUInt32LE(parts.tid ?? parts.pid ?? 100, EVENT.tid);
  for (const [link, inum] of (parts.ns ?? []).entries()) head.writeUInt32LE(inum, EVENT.ns + link * 4);
  head.write(parts.comm ?? "test", EVENT.comm, 16);
  const whole = Buffer.concat([head, ...fields]);
  whole.writeUInt32LE(whole.length, EVENT.length);
  return new Wire(new Uint8Array(whole));
}
