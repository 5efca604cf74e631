import { compileCondition } from "../config/condition.js";
import type { Held } from "../namespaces/forest.js";
import { TREE_COLUMNS, type TreeFacts, type TreeKey } from "./tree-columns.js";

/** A compiled `--filter`. */
export interface TreeFilter {
  /** The columns it names. */
  readonly uses: ReadonlySet<TreeKey>;
  holds(one: Held, facts: TreeFacts): boolean;
}

const COLUMNS = new Map(TREE_COLUMNS.map((column) => [column.key as string, column]));

/** Compiles the condition of `--filter`, whose fields are the columns. Throws KEYHOLE_CONDITION. */
export function compileFilter(text: string): TreeFilter {
  const types = new Map([...COLUMNS].map(([key, { type }]) => [key, type]));
  const condition = compileCondition(text, types, "--filter");
  return {
    uses: condition.uses as ReadonlySet<TreeKey>,
    holds: (one, facts) => condition.holds((field) => COLUMNS.get(field)!.of(one, facts)),
  };
}
