import type { FieldType } from "../config/condition.js";
import type { Problem } from "../config/problem.js";
import { problemOf } from "./rule-compiler.js";
import type { Path, RuleDocument } from "./rule-document.js";
import { fieldTypes, type Macro, RuleLanguage, refuseMacroName } from "./rule-language.js";

/** Where a macro stands. */
interface Written extends Macro {
  readonly document: RuleDocument;
  readonly path: Path;
}

/** Of all files together. */
const MAX_MACROS = 500;

/** The macros of all files. Those with problems are left out. */
export class Macros {
  readonly #written = new Map<string, Written>();

  /** Adds what stands at `macros.NAME` of `document`. */
  add(name: string, text: unknown, document: RuleDocument, problems: Problem[]): void {
    const path = ["macros", name];
    const where = document.place(path, "key");
    const wanted = refuseMacroName(name);
    const other = this.#written.get(name);
    if (this.#written.size === MAX_MACROS)
      problems.push({ where, what: "too many macros", expected: `at most ${MAX_MACROS}` });
    else if (wanted !== null)
      problems.push({ where, what: `a macro cannot be called "${name}"`, expected: wanted });
    else if (typeof text !== "string" || text.trim() === "")
      problems.push({
        where: document.place(path),
        what: `the macro ${name} is no condition`,
        expected: "text",
      });
    else if (other !== undefined)
      problems.push({
        where,
        what: `there is a macro ${name} at ${other.document.place(other.path, "key")}`,
      });
    else this.#written.set(name, { name, text, document, path });
  }

  /** Those that are conditions over some fields, and that do not lead back to themselves. */
  usable(problems: Problem[]): ReadonlyMap<string, Macro> {
    const all = new Map<string, FieldType>(
      (["call", "story", "container"] as const).flatMap((on) => [...fieldTypes(on)]),
    );
    const language = new RuleLanguage(all, this.#written, "any rule");
    const uses = new Map([...this.#written].map(([name, macro]) => [name, language.usesOf(macro)]));
    const usable = new Map(this.#written);
    for (const cycle of cyclesOf(uses)) {
      const { document, path } = this.#written.get(cycle[0]!)!;
      for (const name of cycle) usable.delete(name);
      problems.push({
        where: document.place(path, "key"),
        what: `the macro ${cycle[0]} leads back to itself`,
        found: [...cycle, cycle[0]].join(" -> "),
        hint: "write one of them without the next",
      });
    }
    // in the order of their names for messages, over and over: one that names a broken one is broken
    for (let broken = true; broken; ) {
      broken = false;
      const rest = new RuleLanguage(all, usable, "any rule");
      for (const [name, { text, document, path }] of [...usable]) {
        const result = rest.compile(text);
        if ("holds" in result) continue;
        usable.delete(name);
        broken = true;
        problems.push(problemOf(document, path, text, result));
      }
    }
    return usable;
  }
}

/** The ways from a node back to itself, each once. `edges`: the nodes that each node leads to. */
export function cyclesOf(edges: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  for (const start of edges.keys()) {
    // by hand instead of by calls: a chain may be as long as there are nodes
    const way: string[] = [];
    const open = new Map<string, number>();
    const stack = [{ node: start, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next === 0) {
        if (done.has(top.node)) {
          stack.pop();
          continue;
        }
        open.set(top.node, way.length);
        way.push(top.node);
      }
      const target = edges.get(top.node)?.[top.next++];
      if (target === undefined) {
        done.add(top.node);
        open.delete(top.node);
        way.pop();
        stack.pop();
      } else if (open.has(target)) cycles.push(way.slice(open.get(target)!));
      else if (!done.has(target)) stack.push({ node: target, next: 0 });
    }
  }
  return cycles;
}
