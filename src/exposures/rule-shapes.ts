/** What stands in a file of rules, before anything in it is compiled. docs/rules.md describes it. */
import * as v from "valibot";
import { type Problem, quote } from "../config/problem.js";
import { suggest } from "../config/suggest.js";
import { SEVERITIES } from "../event.js";
import { SYSCALLS } from "./arg-fields.js";
import { COMPARISONS } from "./comparison.js";
import { FACTS } from "./rule.js";
import type { Path, RuleDocument } from "./rule-document.js";

const text = v.pipe(
  v.string("text"),
  v.check((value) => value.trim() !== "", "text that is not empty"),
);
const line = v.pipe(
  text,
  v.check((value) => !/[\r\n]/.test(value.trim()), "one line"),
);
const id = v.pipe(
  v.string("text"),
  v.regex(/^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/, "an id of small letters, digits and hyphens"),
);
const url = v.pipe(v.string("text"), v.regex(/^https:\/\/[^\s<>]+$/, "an address that begins with https://"));
const tag = v.pipe(v.string("text"), v.regex(/^[a-z]+:\S.*$/, "a tag, as mitre:T1611"));
const flag = v.boolean("true or false");
const list = <T extends v.GenericSchema>(of: T) => v.array(of, "a list");
const choice = <const T extends readonly string[]>(of: T) => v.picklist(of, `one of ${of.join(", ")}`);
const severity = choice(SEVERITIES);
const mapping = v.custom<Record<string, unknown>>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value),
  "keys with values",
);

/** An object without other keys; not `strictObject`, which stops at the first unknown one. */
const object = <T extends v.ObjectEntries>(entries: T) =>
  v.pipe(mapping, v.objectWithRest(entries, v.never()));

const scalar = v.union([v.string(), v.number(), v.boolean()], "text, a number, true or false");

export const RULE_TEST = object({
  name: line,
  facts: mapping,
  finds: choice([...SEVERITIES, "nothing"]),
});

export const RULE = object({
  id,
  title: line,
  on: choice(["call", "story", "container"]),
  syscalls: v.exactOptional(v.pipe(list(choice(SYSCALLS)), v.minLength(1, "at least one system call"))),
  filesystems: v.exactOptional(v.pipe(list(line), v.minLength(1, "at least one type of file system"))),
  condition: text,
  severity: v.union(
    [
      severity,
      v.pipe(
        list(object({ when: v.exactOptional(text), is: severity })),
        v.check(
          (ways) =>
            ways.length > 0 &&
            ways.every((way, index) => (way.when === undefined) === (index === ways.length - 1)),
          "a list whose last item, and no other, has no `when`",
        ),
      ),
    ],
    `one of ${SEVERITIES.join(", ")}, or a list of {when, is} that ends with {is}`,
  ),
  evidence: line,
  check: v.exactOptional(line),
  description: text,
  remediation: text,
  references: v.exactOptional(list(url)),
  tags: v.exactOptional(list(tag)),
  needs: v.exactOptional(list(choice(FACTS))),
  subsumes: v.exactOptional(list(id)),
  benign: v.exactOptional(list(line)),
  tests: v.exactOptional(list(RULE_TEST)),
});
export type RuleShape = v.InferOutput<typeof RULE>;

const comparison = choice(COMPARISONS);

export const EXCEPTION = object({
  name: id,
  rules: v.pipe(list(id), v.minLength(1, "at least one rule")),
  description: text,
  enabled: v.exactOptional(flag),
  fields: v.union(
    [line, v.pipe(list(line), v.minLength(1, "at least one field"))],
    "a field or a list of fields",
  ),
  comps: v.exactOptional(
    v.union(
      [comparison, list(comparison)],
      `one of ${COMPARISONS.join(", ")}, or a list with one for each field`,
    ),
  ),
  values: v.exactOptional(list(v.unknown())),
  tests: v.exactOptional(list(object({ name: line, facts: mapping, spares: flag }))),
});
export type ExceptionShape = v.InferOutput<typeof EXCEPTION>;

export const OVERRIDE = v.union(
  [
    object({ rule: id, enabled: v.exactOptional(flag), severity: v.exactOptional(severity) }),
    object({ exception: id, enabled: flag }),
  ],
  "{rule: ID, enabled: false}, {rule: ID, severity: low} or {exception: NAME, enabled: false}",
);
export type OverrideShape = v.InferOutput<typeof OVERRIDE>;

export const SCALAR = scalar;
export const MACRO = text;

/** What `schema` makes of the value at `path`; null, and problems in `problems`, where it does not fit. */
export function shape<T extends v.GenericSchema>(
  schema: T,
  value: unknown,
  document: RuleDocument,
  path: Path,
  problems: Problem[],
): v.InferOutput<T> | null {
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  for (const issue of result.issues) problems.push(problemOf(issue, document, path, schema));
  return null;
}

function problemOf(
  issue: v.BaseIssue<unknown>,
  document: RuleDocument,
  path: Path,
  schema: v.GenericSchema,
): Problem {
  const steps = (issue.path ?? []).map((step) => step.key as string | number);
  const full = [...path, ...steps];
  const name = steps.join(".");
  if (issue.type === "never") {
    const meant = suggest(String(steps.at(-1)), keysOf(schema));
    return {
      where: document.place(full, "key"),
      what: `there is no key "${name}"`,
      ...(meant !== null && { hint: `did you mean "${meant}"?` }),
    };
  }
  if (issue.input === undefined && steps.length > 0)
    return { where: document.place(path), what: `the key "${name}" is missing` };
  const choices = /^one of ([^:]*)$/.exec(issue.message)?.[1]?.split(", ") ?? [];
  const meant = typeof issue.input === "string" ? suggest(issue.input, choices) : null;
  return {
    where: document.place(full),
    what: name === "" ? "this is not valid" : `${name} is not valid`,
    expected: issue.message,
    found: quote(issue.input),
    ...(meant !== null && { hint: `did you mean "${meant}"?` }),
  };
}

function keysOf(schema: v.GenericSchema): string[] {
  const inner = "pipe" in schema ? (schema.pipe as readonly v.GenericSchema[]).at(-1)! : schema;
  return "entries" in inner ? Object.keys(inner.entries as object) : [];
}
