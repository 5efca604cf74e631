import {
  type Condition,
  type ConditionFault,
  checkCondition,
  type FieldType,
  isFreeName,
  type ReadField,
} from "../config/condition.js";
import { celName } from "../config/field-names.js";
import type { Truth } from "../config/shortcut.js";
import { suggest } from "../config/suggest.js";
import { callsWith } from "./arg-fields.js";
import { ALL_CALL_FIELDS, callFields } from "./call-fields.js";
import { CONTAINER_FIELDS } from "./container-fields.js";
import type { FactReader } from "./exception.js";
import { STORY_FIELDS } from "./story-fields.js";

/** What a rule looks at. */
export type On = "call" | "story" | "container";

/** A named condition of a file. */
export interface Macro {
  readonly name: string;
  readonly text: string;
}

/** A condition that can be asked with the fields alone: it asks for macros itself. */
export interface Judgement {
  /** The fields that it names, by itself or by macros. */
  readonly uses: ReadonlySet<string>;
  holds(read: FactReader): boolean;
  /** See {@link Condition.required}. */
  required(field: string): ReadonlySet<string> | null;
}

/** Fields that are there for exceptions alone. */
const PLACE = /^place(?:\.|$)/;

/** The fields of all rules that look at `on`, by name with their types; of calls those that one of `syscalls` has. */
export function fieldTypes(on: On, syscalls?: readonly string[]): ReadonlyMap<string, FieldType> {
  const fields =
    on === "story"
      ? STORY_FIELDS
      : on === "container"
        ? CONTAINER_FIELDS
        : syscalls === undefined
          ? ALL_CALL_FIELDS
          : callFields(syscalls);
  return new Map(
    [...fields.values()].filter(({ name }) => !PLACE.test(name)).map(({ name, type }) => [name, type]),
  );
}

/** The language that conditions of one kind of rule are written in: its fields, and macros. */
export class RuleLanguage {
  /** The fields without the macros. */
  readonly fields: ReadonlyMap<string, FieldType>;
  readonly #types: ReadonlyMap<string, FieldType>;
  readonly #macros: ReadonlyMap<string, Macro>;
  readonly #compiled = new Map<string, Condition | ConditionFault>();
  readonly #what: string;

  constructor(
    types: ReadonlyMap<string, FieldType>,
    macros: ReadonlyMap<string, Macro>,
    /** The rules that it is the language of, in messages. */
    what: string,
  ) {
    this.fields = types;
    this.#types = new Map([...types, ...[...macros.keys()].map((name) => [name, "bool"] as const)]);
    this.#macros = macros;
    this.#what = what;
  }

  /** Compiles the condition `text`, or says what is wrong with it. */
  compile(text: string): Judgement | ConditionFault {
    const condition = checkCondition(text, this.#types);
    if (!("holds" in condition)) return this.#explain(condition);
    const uses = new Set<string>();
    const fault = this.#gather(condition, uses, new Set());
    if (fault !== null) return fault;
    const hasMacros = [...condition.uses].some((name) => this.#macros.has(name));
    return {
      uses,
      required: condition.required,
      holds: hasMacros ? (read) => condition.holds(this.#reader(read)) : condition.holds,
    };
  }

  /** The names of macros that the text of `macro` names; empty where that is no condition. */
  usesOf(macro: Macro): string[] {
    const condition = this.#macro(macro);
    return "holds" in condition ? [...condition.uses].filter((name) => this.#macros.has(name)) : [];
  }

  #reader(read: FactReader): ReadField {
    // each once: macros that name macros twice would take twice as long with every level
    const asked = new Map<string, Truth>();
    const withMacros: ReadField = (name) => {
      const macro = this.#macros.get(name);
      if (macro === undefined) return read(name);
      let truth = asked.get(name);
      if (truth === undefined) {
        const condition = this.#macro(macro);
        truth = "truth" in condition ? condition.truth(withMacros) : null;
        asked.set(name, truth);
      }
      return truth;
    };
    return withMacros;
  }

  #macro(macro: Macro): Condition | ConditionFault {
    let compiled = this.#compiled.get(macro.name);
    if (compiled === undefined) {
      compiled = checkCondition(macro.text, this.#types);
      this.#compiled.set(macro.name, compiled);
    }
    return compiled;
  }

  /** Adds to `uses` the fields that `condition` names, also by macros; what is wrong with one of these here. */
  #gather(condition: Condition, uses: Set<string>, seen: Set<string>): ConditionFault | null {
    for (const name of condition.uses) {
      const macro = this.#macros.get(name);
      if (macro === undefined) {
        uses.add(name);
        continue;
      }
      if (seen.has(name)) continue;
      seen.add(name);
      const inner = this.#macro(macro);
      if (!("holds" in inner)) {
        return {
          what: `the macro ${name} cannot be used here: ${inner.what}`,
          expected: `a macro over the fields of ${this.#what}`,
          found: macro.text,
        };
      }
      const fault = this.#gather(inner, uses, seen);
      if (fault !== null) return fault;
    }
    return null;
  }

  /** Says of a field that others have what has it. */
  #explain(fault: ConditionFault): ConditionFault {
    const name = /^Unknown variable: (.*)$/.exec(fault.what)?.[1];
    if (name === undefined) return fault;
    const what = `there is no field "${name}" for ${this.#what}`;
    const calls = name.startsWith("args.") ? callsWith(name.slice("args.".length)) : [];
    if (calls.length > 0) return { ...fault, what, hint: `${calls.join(", ")} has it` };
    const others = (["call", "story", "container"] as const).filter((on) => fieldTypes(on).has(name));
    if (others.length > 0) return { ...fault, what, hint: `it is a field of on: ${others.join(", on: ")}` };
    return { ...fault, what, ...(fault.hint === undefined && hintOf(name)) };
  }
}

function hintOf(name: string): { readonly hint: string } {
  const args = [...ALL_CALL_FIELDS.keys()].filter((field) => field.startsWith("args."));
  const meant = name.startsWith("args.") ? suggest(name, args) : null;
  return { hint: meant === null ? "`keyhole rules fields` lists all fields" : `did you mean ${meant}?` };
}

/** Why `name` cannot be a macro's; null where it can. */
export function refuseMacroName(name: string): string | null {
  if (!/^[a-z][a-z0-9_]*$/.test(name)) return "small letters, digits and underscores";
  if (WORDS.has(name) || !isFreeName(name)) return "a name that means nothing in CEL";
  const taken = (["call", "story", "container"] as const).some((on) =>
    [...fieldTypes(on).keys()].some((field) => celName(field) === name || field.split(".")[0] === name),
  );
  return taken ? "a name that is no field's" : null;
}

/** Words of the language, https://github.com/google/cel-spec/blob/master/doc/langdef.md: literals, operators, reserved, types. */
const WORDS: ReadonlySet<string> = new Set(
  (
    "true false null in as break const continue else for function if import let loop package namespace return var void " +
    "while int uint double bool string bytes list map null_type type dyn size has all exists exists_one filter"
  ).split(" "),
);
