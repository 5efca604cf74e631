const BYTES: Readonly<Record<string, number>> = { "": 1, B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function quantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([a-zA-Z]*)$/.exec(text);
  if (match === null || !Object.hasOwn(units, match[2]!)) return undefined;
  const value = Number(match[1]) * units[match[2]!]!;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Bytes that `value` means: a number, or text with B, KiB, MiB or GiB. Undefined: neither. */
export function parseBytes(value: unknown): number | undefined {
  if (typeof value === "number") return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  return typeof value === "string" ? quantity(value, BYTES) : undefined;
}

/** Milliseconds that `value` means: text with ms, s, m or h. A bare number has no unit: undefined. */
export function parseDuration(value: unknown): number | undefined {
  return typeof value === "string" ? quantity(value, MILLISECONDS) : undefined;
}
