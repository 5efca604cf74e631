import type { ConditionFault, FieldType } from "../config/condition.js";
import { type Problem, quote } from "../config/problem.js";
import { suggest } from "../config/suggest.js";
import type { Severity } from "../event.js";
import type { DataRule } from "./data-rule.js";
import type { FactReader, FactValue } from "./exception.js";
import type { Fact } from "./rule.js";
import type { Path, RuleDocument } from "./rule-document.js";
import { fieldTypes, type Judgement, type Macro, type On, RuleLanguage } from "./rule-language.js";
import type { RuleShape } from "./rule-shapes.js";
import { compileTemplate, type Template, type TemplateFault } from "./rule-template.js";
import { worst } from "./worst.js";

/** What a rule needs whatever it asks for. */
const BASE: Readonly<Record<On, Fact>> = { call: "syscalls", story: "stories", container: "mountinfo" };

/** Makes rules of what stands in files. */
export class RuleCompiler {
  readonly #macros: ReadonlyMap<string, Macro>;
  readonly #languages = new Map<string, RuleLanguage>();

  constructor(macros: ReadonlyMap<string, Macro>) {
    this.#macros = macros;
  }

  /** Compiles the rule at `path` of `document`; null, and why in `problems`, where it is none. */
  compile(shape: RuleShape, document: RuleDocument, path: Path, problems: Problem[]): DataRule | null {
    const before = problems.length;
    const say = (at: Path, text: string, fault: ConditionFault | TemplateFault): null => {
      problems.push(problemOf(document, at, text, fault));
      return null;
    };
    const { on } = shape;
    if ((on === "call") !== (shape.syscalls !== undefined)) {
      const what = on === "call" ? 'the key "syscalls" is missing' : "only a rule on: call has syscalls";
      problems.push({ where: document.place([...path, "syscalls"], "key"), what });
      return null;
    }
    if (on === "container" && shape.filesystems !== undefined) {
      const what = "a rule on: container has no filesystems";
      problems.push({ where: document.place([...path, "filesystems"], "key"), what });
    }
    const language = this.#language(on, shape.syscalls ?? []);
    const judgement = (at: Path, text: string): Judgement | null => {
      const result = language.compile(text);
      return "holds" in result ? result : say(at, text, result);
    };
    const condition = judgement([...path, "condition"], shape.condition);
    const severities = severitiesOf(shape).map(({ when, is }, index) => ({
      is,
      when: when === undefined ? null : judgement([...path, "severity", index, "when"], when),
    }));
    const template = (key: "evidence" | "check", only?: FieldType): Template | null => {
      const text = shape[key];
      if (text === undefined) return null;
      const result = compileTemplate(text, language.fields, only);
      return "fill" in result ? result : say([...path, key], text, result);
    };
    const evidence = template("evidence");
    const check = template("check", "int");
    const tests = shape.tests ?? [];
    const facts = this.facts(tests, language.fields, document, [...path, "tests"], problems);
    if (problems.length > before || condition === null || evidence === null) return null;

    const uses = new Set(
      [condition, ...severities.map(({ when }) => when)].flatMap((one) => [...(one?.uses ?? [])]),
    );
    for (const field of evidence.uses) uses.add(field);
    const needs = new Set<Fact>([BASE[on], ...(shape.needs ?? [])]);
    if ([...uses].some((field) => field.startsWith("file."))) needs.add("opens");
    const dependsOn = sentenceOf(shape);
    return {
      on,
      info: {
        id: shape.id,
        title: shape.title.trim(),
        kind: on === "container" ? "posture" : "act",
        severity: worst(severities.map(({ is }) => is))!,
        ...(dependsOn !== null && { severityDependsOn: dependsOn }),
        description: oneLine(shape.description),
        remediation: oneLine(shape.remediation),
        references: shape.references ?? [],
        tags: shape.tags ?? [],
        needs: [...needs],
        subsumes: shape.subsumes ?? [],
        benign: shape.benign ?? [],
        condition: shape.condition.trim(),
        origin: document.place(path),
      },
      syscalls: shape.syscalls ?? [],
      filesystems: shape.filesystems === undefined ? null : new Set(shape.filesystems),
      entries: condition.required("file.entry"),
      judge: (read) => {
        if (!condition.holds(read)) return null;
        return severities.find(({ when }) => when === null || when.holds(read))!.is;
      },
      evidence: (read) => {
        const command = check?.fillKnown(read) ?? null;
        return { fact: evidence.fill(read), ...(command !== null && { check: command }) };
      },
      tests: tests.map(({ name, finds }, index) => ({ name, finds, ...facts[index]! })),
    };
  }

  /** What the tests at `path` tell, as readers, and where they are. */
  facts(
    tests: readonly { readonly facts: Record<string, unknown> }[],
    types: ReadonlyMap<string, FieldType>,
    document: RuleDocument,
    path: Path,
    problems: Problem[],
  ): { readonly facts: FactReader; readonly origin: string }[] {
    return tests.map((test, index) => {
      const facts = new Map<string, FactValue>();
      for (const [field, value] of Object.entries(test.facts)) {
        const type = types.get(field);
        const where = document.place([...path, index, "facts", field], "key");
        if (type === undefined) {
          const meant = suggest(field, types.keys());
          const hint =
            meant === null ? "a test names fields that its rule can name" : `did you mean ${meant}?`;
          problems.push({ where, what: `there is no field "${field}" here`, hint });
        } else if (!isOf(type, value)) {
          const expected = `${TOLD[type]}, or null`;
          problems.push({ where, what: `${field} is not valid`, expected, found: quote(value) });
        } else facts.set(field, value);
      }
      return { facts: (field) => facts.get(field) ?? null, origin: document.place([...path, index]) };
    });
  }

  #language(on: On, syscalls: readonly string[]): RuleLanguage {
    const key = `${on} ${[...syscalls].sort().join(" ")}`;
    const known = this.#languages.get(key);
    if (known !== undefined) return known;
    const what = on === "call" ? `calls of ${syscalls.join(", ")}` : `on: ${on}`;
    const types = fieldTypes(on, on === "call" ? syscalls : undefined);
    const language = new RuleLanguage(types, this.#macros, what);
    this.#languages.set(key, language);
    return language;
  }
}

const TOLD: Readonly<Record<FieldType, string>> = {
  int: "a whole number",
  string: "text",
  bool: "true or false",
  list: "a list of texts",
};

/** Whether `value` is one of a field of type `type`. */
export function isOf(type: FieldType, value: unknown): value is FactValue {
  if (value === null) return true;
  switch (type) {
    case "int":
      return Number.isSafeInteger(value);
    case "string":
      return typeof value === "string";
    case "bool":
      return typeof value === "boolean";
    case "list":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
  }
}

/** The problem that `fault` of `text`, which stands at `path`, is. */
export function problemOf(
  document: RuleDocument,
  path: Path,
  text: string,
  fault: ConditionFault | TemplateFault,
): Problem {
  const { what, expected, hint, offset } = fault;
  const found = "found" in fault ? fault.found : undefined;
  return {
    where: offset === undefined ? document.place(path) : document.placeWithin(path, text, offset),
    what,
    expected,
    ...(found !== undefined && { found }),
    ...(hint !== undefined && { hint }),
  };
}

type Way = { readonly when?: string; readonly is: Severity };

function severitiesOf({ severity }: RuleShape): readonly Way[] {
  return typeof severity === "string" ? [{ is: severity }] : (severity as readonly Way[]);
}

function sentenceOf(shape: RuleShape): string | null {
  const ways = severitiesOf(shape);
  if (ways.length === 1) return null;
  const parts = ways.map(({ when, is }) =>
    when === undefined ? `else ${is}` : `${is} where ${oneLine(when)}`,
  );
  return `${parts.join("; ")}.`;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, " ");
}
