/**
 * Values of the inputs of the rules as JSON. What JSON has no form for is an object with one member: `{"$bigint": "7"}`,
 * `{"$set": [...]}`, `{"$map": [[key, value], ...]}`, `{"$bytes": base64}`; and so is an object that only looks like one.
 */

/** `value` as JSON. Throws a TypeError that names the member which is neither data nor one of the forms above. */
export function encode(value: unknown): string {
  return JSON.stringify(value, replace);
}

/** What {@link encode} was given; throws a SyntaxError for what is no JSON. */
export function decode(text: string): unknown {
  // most lines have none of the forms, and looking at each value costs more than the rest
  return text.includes('{"$') ? JSON.parse(text, (_key, value) => revive(value)) : JSON.parse(text);
}

/** The member as it is, not what toJSON() of a Buffer makes of it: so `this` is asked. */
function replace(this: unknown, key: string): unknown {
  const value = (this as Record<string, unknown>)[key];
  switch (typeof value) {
    case "bigint":
      return { $bigint: value.toString() };
    case "function":
    case "symbol":
      throw new TypeError(`"${key}" is a ${typeof value}, which a recording cannot hold`);
    case "object":
      return value === null ? null : replaceObject(key, value);
    default:
      return value;
  }
}

function replaceObject(key: string, value: object): unknown {
  if (Array.isArray(value)) return value;
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString("base64") };
  if (value instanceof Set) return { $set: [...value] };
  if (value instanceof Map) return { $map: [...value] };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new TypeError(`"${key}" is a ${value.constructor.name}, which a recording cannot hold`);
  const names = Object.keys(value);
  if (names.length !== 1 || !names[0]!.startsWith("$")) return value;
  return { $object: Object.entries(value) };
}

function revive(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const names = Object.keys(value);
  const [name] = names;
  if (names.length !== 1 || !name!.startsWith("$")) return value;
  const inner = (value as Record<string, unknown>)[name!];
  if (name === "$bigint" && typeof inner === "string" && /^-?\d+$/.test(inner)) return BigInt(inner);
  if (name === "$bytes" && typeof inner === "string") return Buffer.from(inner, "base64");
  if (!Array.isArray(inner)) return value;
  if (name === "$set") return new Set(inner);
  if (!inner.every((pair) => Array.isArray(pair) && pair.length === 2)) return value;
  if (name === "$map") return new Map(inner as [unknown, unknown][]);
  return name === "$object" ? Object.fromEntries(inner as [string, unknown][]) : value;
}
