/** The numbers of a message's fields: alone where the value tells its type, with a message's own, or of a map of strings. */
export interface Schema {
  readonly [field: string]: number | readonly [number, Schema] | readonly [number, "map"];
}

export interface Message {
  readonly [field: string]: unknown;
}

/** Wire types: https://protobuf.dev/programming-guides/encoding/ */
const VARINT = 0;
const I64 = 1;
const LENGTH = 2;
const I32 = 5;

const PAIR: Schema = { key: 1, value: 2 };

/** `message` in protobuf's encoding. Throws for a field that `schema` does not have, and for a value of no known type. */
export function encode(schema: Schema, message: Message): Buffer {
  const parts: Buffer[] = [];
  for (const [name, value] of Object.entries(message)) {
    const field = schema[name];
    if (field === undefined) throw new Error(`the message has no field ${name}`);
    const [number, kind] = typeof field === "number" ? [field, null] : field;
    const values =
      kind === "map"
        ? Object.entries(value as object).map(([key, one]) => ({ key, value: one as unknown }))
        : Array.isArray(value)
          ? (value as unknown[])
          : [value];
    for (const one of values) parts.push(encodeField(number, kind === "map" ? PAIR : kind, one));
  }
  return Buffer.concat(parts);
}

function encodeField(number: number, schema: Schema | null, value: unknown): Buffer {
  if (typeof value === "number" || typeof value === "boolean")
    return Buffer.concat([varint((number << 3) | VARINT), varint(Number(value))]);
  const bytes = typeof value === "string" ? Buffer.from(value) : encode(schema ?? {}, value as Message);
  return Buffer.concat([varint((number << 3) | LENGTH), varint(bytes.length), bytes]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

/** What a message holds of one field: numbers, and the bytes of everything that has a length. */
export type Decoded = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

/** The fields of an encoded message by number. */
export function decode(bytes: Buffer): Decoded {
  const fields = new Map<number, (bigint | Buffer)[]>();
  let at = 0;
  const read = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Buffer => {
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(read());
    const type = tag & 7;
    if (type !== VARINT && type !== LENGTH && type !== I64 && type !== I32)
      throw new Error(`a field of wire type ${type}`);
    const value = type === VARINT ? read() : take(type === LENGTH ? Number(read()) : type === I64 ? 8 : 4);
    const number = tag >>> 3;
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

/** The text of a field; empty where it is not there, as protobuf has it. */
export function textOf(message: Decoded, number: number): string {
  const bytes = message.get(number)?.at(-1);
  return Buffer.isBuffer(bytes) ? bytes.toString("utf8") : "";
}
