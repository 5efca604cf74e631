import type { Problem } from "../config/problem.js";
import type { Severity } from "../event.js";
import type { DataRule } from "./data-rule.js";
import { compileException, type DataException, noRule } from "./exception-compiler.js";
import { cyclesOf, Macros } from "./macros.js";
import { RuleCompiler } from "./rule-compiler.js";
import { type Path, type RuleDocument, readRuleDocument } from "./rule-document.js";
import type { On } from "./rule-language.js";
import { allRules, type RuleOverrides, type RuleSet } from "./rule-set.js";
import { EXCEPTION, OVERRIDE, type OverrideShape, RULE, type RuleShape, shape } from "./rule-shapes.js";
import { shippedDocuments } from "./shipped-documents.js";
import type { Sliced } from "./slices.js";

/** What files of rules come to. */
export interface RuleFiles {
  readonly rules: readonly DataRule[];
  /** Also those that are switched off. */
  readonly exceptions: readonly DataException[];
  readonly overrides: RuleOverrides;
  /** What is not in the others, and why. */
  readonly problems: readonly Problem[];
}

/** The user's rules, of all files together. With as many, loading takes about two seconds. */
export const MAX_RULES = 2000;

const SECTIONS = ["macros", "rules", "exceptions", "overrides"] as const;

/** One item of a list of a file. */
interface Item<T> {
  readonly value: T;
  readonly document: RuleDocument;
  readonly path: Path;
}

/**
 * Takes what stands in the directory `own`, which Keyhole comes with, then reads the files `theirs`: see
 * {@link compileDocuments}.
 */
export function* compileFiles(own: string, theirs: readonly string[], detectors: RuleSet): Sliced<RuleFiles> {
  const documents: RuleDocument[] = [];
  for (const file of theirs) documents.push(yield* readRuleDocument(file));
  return yield* compileDocuments(shippedDocuments(own), documents, detectors);
}

/**
 * Makes rules and exceptions of what stands in `own`, then in `theirs`. Rules of `detectors` exist already: their ids are
 * taken, and exceptions and overrides may name them. Of two things with one name the first is used.
 */
export function* compileDocuments(
  own: readonly RuleDocument[],
  theirs: readonly RuleDocument[],
  detectors: RuleSet,
): Sliced<RuleFiles> {
  const problems: Problem[] = [];
  const documents = [...own, ...theirs];
  const sections = documents.map((document) => {
    problems.push(...document.problems);
    return { document, value: topOf(document, problems) };
  });
  const items = (name: "rules" | "exceptions" | "overrides") =>
    sections.flatMap(({ document, value }) => listOf(document, value, name, problems));

  const macros = new Macros();
  for (const { document, value } of sections) {
    const written = value.macros ?? {};
    if (typeof written !== "object" || Array.isArray(written))
      problems.push({ where: document.place(["macros"]), what: "macros are no names with conditions" });
    else for (const [name, text] of Object.entries(written)) macros.add(name, text, document, problems);
  }
  const compiler = new RuleCompiler(macros.usable(problems));
  const kinds = kindsOf(detectors);
  const written = items("rules");
  const shipped = written.filter(({ document }) => own.includes(document)).length;
  const rules = yield* rulesOf(written, compiler, shipped + MAX_RULES, kinds, problems);
  const usable = withoutBrokenLinks(rules, allRules(detectors), problems);

  const exceptions = yield* exceptionsOf(items("exceptions"), compiler, kinds, problems);
  const changed = overridesOf(items("overrides"), kinds, exceptions, problems);
  return { rules: usable, ...changed, problems };
}

/** The keys at the top of a file. */
function topOf(document: RuleDocument, problems: Problem[]): Record<string, unknown> {
  const { value } = document;
  if (value === undefined || value === null) return {};
  if (typeof value !== "object" || Array.isArray(value)) {
    const what = "the file has no keys";
    problems.push({ where: document.place([]), what, expected: SECTIONS.join(", ") });
    return {};
  }
  for (const key of Object.keys(value)) {
    if ((SECTIONS as readonly string[]).includes(key)) continue;
    const where = document.place([key], "key");
    problems.push({ where, what: `there is no key "${key}"`, expected: SECTIONS.join(", ") });
  }
  return value as Record<string, unknown>;
}

function listOf(
  document: RuleDocument,
  value: Record<string, unknown>,
  name: string,
  problems: Problem[],
): Item<unknown>[] {
  const list = value[name] ?? [];
  if (Array.isArray(list)) return list.map((item, index) => ({ value: item, document, path: [name, index] }));
  problems.push({ where: document.place([name]), what: `${name} is no list` });
  return [];
}

function kindsOf({ posture, node, acts, stories, instances }: RuleSet): Map<string, On> {
  const entries = (rules: readonly { readonly id: string }[], on: On) =>
    rules.map(({ id }) => [id, on] as const);
  return new Map([
    ...entries([...posture, ...node], "container"),
    ...entries([...acts, ...instances], "call"),
    ...entries(stories, "story"),
  ]);
}

function* rulesOf(
  items: readonly Item<unknown>[],
  compiler: RuleCompiler,
  max: number,
  kinds: Map<string, On>,
  problems: Problem[],
): Sliced<DataRule[]> {
  const rules: DataRule[] = [];
  const places = new Map([...kinds.keys()].map((id) => [id, "a rule that Keyhole comes with"]));
  for (const { value, document, path } of items.slice(0, max)) {
    yield;
    const checked = shape(RULE, value, document, path, problems) as RuleShape | null;
    if (checked === null) continue;
    const other = places.get(checked.id);
    const where = document.place([...path, "id"]);
    if (other !== undefined) {
      problems.push({ where, what: `there are two rules "${checked.id}"`, found: `the other is ${other}` });
      continue;
    }
    places.set(checked.id, `at ${where}`);
    // also where it turns out to be broken: that is said once
    kinds.set(checked.id, checked.on as On);
    const rule = compiler.compile(checked, document, path, problems);
    if (rule !== null) rules.push(rule);
  }
  const first = items[max];
  if (first !== undefined) {
    problems.push({
      where: first.document.place(first.path),
      what: "there are too many rules: this one and those after it are not used",
      expected: `at most ${MAX_RULES}`,
      found: String(items.length - max + MAX_RULES),
    });
  }
  return rules;
}

/** Those whose `subsumes` name rules that exist and do not lead back to themselves. */
function withoutBrokenLinks(
  rules: readonly DataRule[],
  detectors: readonly { readonly id: string; readonly subsumes: readonly string[] }[],
  problems: Problem[],
): DataRule[] {
  const infos = [...detectors, ...rules.map(({ info }) => info)];
  const ids = new Set(infos.map(({ id }) => id));
  const broken = new Set<string>();
  for (const { info } of rules) {
    for (const other of info.subsumes) {
      if (ids.has(other)) continue;
      broken.add(info.id);
      const problem = noRule(other, ids, info.origin!);
      problems.push({ ...problem, what: `"${info.id}" subsumes what is no rule: ${problem.what}` });
    }
  }
  for (const cycle of cyclesOf(new Map(infos.map(({ id, subsumes }) => [id, subsumes])))) {
    const own = rules.find(({ info }) => cycle.includes(info.id));
    if (own === undefined) continue;
    for (const id of cycle) broken.add(id);
    problems.push({
      where: own.info.origin!,
      what: `"${own.info.id}" subsumes itself by way of others`,
      found: [...cycle, cycle[0]].join(" -> "),
      hint: "of two rules one says more: leave out the other direction",
    });
  }
  return rules.filter(({ info }) => !broken.has(info.id));
}

function* exceptionsOf(
  items: readonly Item<unknown>[],
  compiler: RuleCompiler,
  kinds: ReadonlyMap<string, On>,
  problems: Problem[],
): Sliced<DataException[]> {
  const exceptions = new Map<string, DataException>();
  for (const { value, document, path } of items) {
    yield;
    const checked = shape(EXCEPTION, value, document, path, problems);
    if (checked === null) continue;
    const other = exceptions.get(checked.name);
    if (other !== undefined) {
      const where = document.place([...path, "name"]);
      const what = `there are two exceptions "${checked.name}"`;
      problems.push({ where, what, found: `the other is at ${other.origin}` });
      continue;
    }
    const before = problems.length;
    const exception = compileException(checked, kinds, document, path, problems);
    if (exception === null) continue;
    const written = checked.tests ?? [];
    const facts = compiler.facts(written, exception.types, document, [...path, "tests"], problems);
    if (problems.length > before) continue;
    const tests = written.map(({ name, spares }, index) => ({ name, spares, ...facts[index]! }));
    exceptions.set(checked.name, { ...exception, tests });
  }
  return [...exceptions.values()];
}

/** What the overrides, in their order, make of rules and exceptions. */
function overridesOf(
  items: readonly Item<unknown>[],
  kinds: ReadonlyMap<string, On>,
  exceptions: readonly DataException[],
  problems: Problem[],
): Pick<RuleFiles, "overrides" | "exceptions"> {
  const disable = new Set<string>();
  const severity: { [rule: string]: Severity } = {};
  const enabled = new Map(exceptions.map((one) => [one.name, one.enabled]));
  for (const { value, document, path } of items) {
    const checked = shape(OVERRIDE, value, document, path, problems) as OverrideShape | null;
    if (checked === null) continue;
    if ("exception" in checked) {
      const { exception } = checked as { exception: string; enabled: boolean };
      const where = document.place([...path, "exception"]);
      if (!enabled.has(exception)) problems.push({ where, what: `there is no exception "${exception}"` });
      else enabled.set(exception, (checked as { enabled: boolean }).enabled);
      continue;
    }
    const {
      rule,
      enabled: on,
      severity: to,
    } = checked as { rule: string; enabled?: boolean; severity?: Severity };
    if (!kinds.has(rule)) {
      problems.push(noRule(rule, kinds.keys(), document.place([...path, "rule"])));
      continue;
    }
    if (on === false) disable.add(rule);
    if (on === true) disable.delete(rule);
    if (to !== undefined) severity[rule] = to;
  }
  return {
    overrides: { disable: [...disable], severity },
    exceptions: exceptions.map((one) => ({ ...one, enabled: enabled.get(one.name)! })),
  };
}
