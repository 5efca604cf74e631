import * as v from "valibot";
import { SEVERITIES } from "../event.js";
import { parseAddress } from "./address.js";
import { type Config, type Layer, LOG_LEVELS } from "./config.js";
import { KEY_PATHS } from "./keys.js";
import { quote } from "./problem.js";
import { parseBytes, parseDuration } from "./quantity.js";
import { suggest } from "./suggest.js";

export type { Config } from "./config.js";

/** A value of the file at fault; `path` leads to it, `unknownKey` when the key itself is. */
export interface SchemaIssue {
  readonly path: readonly (string | number)[];
  readonly unknownKey: boolean;
  readonly expected: string;
  readonly found: string;
  readonly hint?: string;
}

/** A value that `parse` reads; `undefined` from it means that the value is not `expected`. */
function leaf<T>(expected: string, parse: (value: unknown) => T | undefined) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const parsed = parse(dataset.value);
      if (parsed !== undefined) return parsed;
      addIssue({ expected, received: quote(dataset.value), message: expected });
      return NEVER;
    }),
  );
}

function choice<const T extends readonly string[]>(values: T) {
  return leaf<T[number]>(`one of ${values.join(", ")}`, (value) => values.find((one) => one === value));
}

function integer(expected: string, min: number, max: number) {
  return leaf(expected, (value) => {
    const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
    return typeof number === "number" && Number.isInteger(number) && number >= min && number <= max
      ? number
      : undefined;
  });
}

const text = leaf("text", (value) => (typeof value === "string" && value !== "" ? value : undefined));
const path = leaf("an absolute path", (value) =>
  typeof value === "string" && value.startsWith("/") && !value.includes("\0") ? value : undefined,
);
const flag = leaf("true or false", (value) => {
  if (typeof value === "boolean") return value;
  return value === "true" ? true : value === "false" ? false : undefined;
});

const MIN_RING = 64 * 1024;
const MAX_RING = 1024 ** 3;

/** bpf(2): the size of a ring buffer map is a power of two and a multiple of the page size (64 KiB at most). */
const ringSize = leaf("a power of two from 64KiB to 1GiB", (value) => {
  const bytes = parseBytes(value);
  return bytes !== undefined && bytes >= MIN_RING && bytes <= MAX_RING && Number.isInteger(Math.log2(bytes))
    ? bytes
    : undefined;
});

const rate = integer("calls a second from 0 (no limit) to 1000000", 0, 1_000_000);

const recent = integer("a number of events from 0 to 1000000", 0, 1_000_000);

const interval = leaf("a duration from 100ms to 24h, as 5s", (value) => {
  const ms = parseDuration(value);
  return ms !== undefined && ms >= 100 && ms <= 86_400_000 ? ms : undefined;
});

const listen = leaf('HOST:PORT with an IP address or localhost, or "off"', (value) => {
  if (value === "off" || value === false) return null;
  return typeof value === "string" ? parseAddress(value) : undefined;
});

const mapping = leaf("a section of keys", (value) =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined,
);

/** An object without other keys. Not `strictObject`, which stops at the first unknown key. */
function section<T extends v.ObjectEntries>(entries: T) {
  return v.pipe(mapping, v.objectWithRest(entries, v.never()));
}

function selection<T extends v.GenericSchema>(of: T) {
  return v.exactOptional(
    section({ include: v.exactOptional(v.array(of)), exclude: v.exactOptional(v.array(of)) }),
  );
}

const cgroup = leaf("a path below the cgroup root, as /system.slice", (value) =>
  typeof value === "string" && value.startsWith("/") && !value.split("/").includes("..")
    ? value.replace(/(.)\/+$/, "$1")
    : undefined,
);

const SCHEMA = section({
  attach: v.exactOptional(choice(["auto", "fentry", "tracepoint"])),
  opens: v.exactOptional(choice(["auto", "on", "off"])),
  host_root: v.exactOptional(path),
  node: v.exactOptional(text),
  output: v.exactOptional(choice(["auto", "json", "text", "none"])),
  color: v.exactOptional(choice(["auto", "always", "never"])),
  listen: v.exactOptional(listen),
  token_file: v.exactOptional(path),
  insecure_listen: v.exactOptional(flag),
  tls: v.exactOptional(section({ cert: v.exactOptional(path), key: v.exactOptional(path) })),
  ring: v.exactOptional(section({ size: v.exactOptional(ringSize) })),
  limits: v.exactOptional(section({ rate: v.exactOptional(rate) })),
  websocket: v.exactOptional(section({ recent: v.exactOptional(recent) })),
  metrics: v.exactOptional(section({ per_workload: v.exactOptional(flag) })),
  inventory: v.exactOptional(section({ interval: v.exactOptional(interval) })),
  filter: v.exactOptional(
    section({
      exclude_self: v.exactOptional(flag),
      cgroups: selection(cgroup),
      pid_namespaces: selection(integer("a namespace's inode number", 1, 0xffff_ffff)),
      uids: selection(integer("a uid from 0 to 4294967294", 0, 0xffff_fffe)),
    }),
  ),
  rules: v.exactOptional(
    section({
      directory: v.exactOptional(path),
      disable: v.exactOptional(v.array(text)),
      severity: v.exactOptional(v.pipe(mapping, v.record(v.string(), choice(SEVERITIES)))),
    }),
  ),
  log: v.exactOptional(
    section({
      level: v.exactOptional(choice(LOG_LEVELS)),
      format: v.exactOptional(choice(["auto", "json", "text"])),
    }),
  ),
});

/** `input` (what YAML, the environment or the flags gave) as a layer, or everything that is wrong with it. */
export function parseLayer(input: unknown): { layer: Layer<Config> } | { issues: readonly SchemaIssue[] } {
  const result = v.safeParse(SCHEMA, input);
  if (result.success) return { layer: result.output as Layer<Config> };
  return { issues: result.issues.map(describe) };
}

function describe(issue: v.BaseIssue<unknown>): SchemaIssue {
  const path = (issue.path ?? []).map((step) => step.key as string | number);
  const unknownKey = issue.type === "never";
  const near = unknownKey ? nearestKey(path) : nearestChoice(issue);
  return {
    path,
    unknownKey,
    expected: issue.type === "array" ? "a list" : (issue.expected ?? "another value"),
    found: quote(issue.input),
    ...(near !== null && { hint: `did you mean "${near}"?` }),
  };
}

/** The key that was meant: a sibling first, else one of another section (`ring_size` for `ring.size`). */
function nearestKey(path: readonly (string | number)[]): string | null {
  const parent = path.slice(0, -1);
  const prefix = parent.map((step) => `${step}.`).join("");
  const siblings = KEY_PATHS.filter((key) => key.startsWith(prefix)).map(
    (key) => key.slice(prefix.length).split(".")[0]!,
  );
  return suggest(String(path.at(-1)), siblings) ?? suggest(path.join("."), KEY_PATHS);
}

function nearestChoice({ expected, input }: v.BaseIssue<unknown>): string | null {
  if (expected?.startsWith("one of ") !== true || typeof input !== "string") return null;
  return suggest(input, expected.slice("one of ".length).split(", "));
}
