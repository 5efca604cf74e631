import type { Arg, SyscallEvent } from "../../src/event.js";
import type { Expected } from "./shapes.js";

/** Does argument `name` of `event`, which is `got`, say what it must? */
export function agrees(want: Expected, got: Arg, name: string, event: SyscallEvent): boolean {
  switch (want.kind) {
    case "exact":
      return got === want.value && event.unreadable?.[name] === undefined;
    case "u64":
      if (typeof got === "string") return /^(0x[0-9a-f]+|\d+)$/.test(got) && BigInt(got) === want.value;
      return got === Number(want.value) || got === Number(BigInt.asIntN(64, want.value));
    case "set":
      return Array.isArray(got) && sameNames(want.names, want.low ? lowNames(got) : got);
    case "bytes":
      return agreesInBytes(want, got, name, event);
    case "fields": {
      if (got === null || typeof got !== "object") return false;
      const fields = got as Readonly<Record<string, Arg>>;
      return [...want.fields].every(([key, field]) => {
        const member = fields[key];
        // strace shows 0 for a member that the caller's structure is too short for
        if (member === undefined)
          return (
            (field.kind === "u64" && field.value === 0n) || (field.kind === "exact" && field.value === null)
          );
        return agrees(field, member, `${name}.${key}`, event);
      });
    }
    case "address":
      return isAddress(got, want.value) || (got === null && isUnreadable(name, event));
    case "ignored":
      if (got === null) return isUnreadable(name, event);
      return typeof got !== "number" && !Array.isArray(got);
  }
}

/** EFAULT is what a call says that the kernel refused; of any other it is a page that was not in memory. */
function isUnreadable(name: string, { unreadable, errno, outcome }: SyscallEvent): boolean {
  const failed = errno ?? outcome?.killed;
  return unreadable?.[name] === (failed === "EFAULT" ? "EFAULT" : "not-resident");
}

function sameNames(want: readonly string[], got: readonly string[]): boolean {
  return [...want].sort().join() === [...got].sort().join();
}

/** Without the bits from 32 on. */
function lowNames(names: readonly string[]): string[] {
  return names.flatMap((name) => {
    if (!name.startsWith("0x")) return [name];
    const low = BigInt.asUintN(32, BigInt(name));
    return low === 0n ? [] : [`0x${low.toString(16)}`];
  });
}

function isAddress(got: Arg, value: bigint): boolean {
  return got === `0x${value.toString(16)}` || (got === null && value === 0n);
}

function agreesInBytes(
  want: Expected & { kind: "bytes" },
  got: Arg,
  name: string,
  event: SyscallEvent,
): boolean {
  const bytes = exactBytes(got, event.raw?.[`args.${name}`]);
  if (bytes === null) return false;
  if (bytes.includes(REDACTED)) return agreesRedacted(want.bytes, bytes, name, event);
  // Both may show the beginning of a long string only; a cut one says so.
  const cut = event.truncated?.includes(name) ?? false;
  const shown = Math.min(
    want.cut ? want.bytes.length : Number.POSITIVE_INFINITY,
    cut ? bytes.length : Number.POSITIVE_INFINITY,
  );
  if (cut && bytes.length < SHORTEST_CUT) return false;
  return shown === Number.POSITIVE_INFINITY
    ? bytes.equals(want.bytes)
    : bytes.subarray(0, shown).equals(want.bytes.subarray(0, shown));
}

const REDACTED = "[redacted]";
/** Of the names that the agent takes for those of secrets, the ones that the tests use. */
const SECRETS = ["password"];

/** A secret was left out, and nothing but that: all else must be as strace saw it. */
function agreesRedacted(want: Buffer, got: Buffer, name: string, event: SyscallEvent): boolean {
  if (event.syscall === "fsconfig" && name === "value")
    return SECRETS.includes(String(event.args.key)) && got.toString() === REDACTED;
  const shown = want
    .toString("latin1")
    .split(",")
    .map((option) => {
      const [key = "", value] = option.split("=", 2);
      return value !== undefined && SECRETS.includes(key) ? `${key}=${REDACTED}` : option;
    });
  return shown.join() === got.toString("latin1");
}

/** No string is cut before the kernel itself would refuse its length: strndup_user(…, 256) in fs/fsopen.c. */
const SHORTEST_CUT = 255;

/** `raw` when given; a string without it was valid UTF-8. */
function exactBytes(got: Arg, raw: string | undefined): Buffer | null {
  if (raw !== undefined) return Buffer.from(raw, "base64");
  if (typeof got === "string") return Buffer.from(got, "utf8");
  if (got === null || typeof got !== "object" || Array.isArray(got)) return null;
  const { base64 } = got as Readonly<Record<string, Arg>>;
  return typeof base64 === "string" ? Buffer.from(base64, "base64") : null;
}
