import { SCHEMA_VERSION } from "../event.js";
import type { ForestNode, Held } from "../namespaces/forest.js";
import { word } from "../publish/neutral.js";
import type { TreeLook } from "./tree.js";
import { columnName, type TreeColumn, type TreeRow } from "./tree-columns.js";
import { rowOf, treeCells } from "./tree-output.js";

/** What became of a namespace between two looks. */
export interface TreeChange {
  readonly change: "appeared" | "vanished" | "changed";
  readonly node: ForestNode;
  readonly row: Partial<TreeRow>;
  /** Of the table. */
  readonly cells: readonly string[];
  /** Of a changed one: the columns that changed, as they were. */
  readonly before: Partial<TreeRow>;
}

type Known = Pick<TreeChange, "node" | "row" | "cells">;

/** Compares each look with the one before it, by the columns that are shown. */
export class TreeChanges {
  readonly #columns: readonly TreeColumn[];
  readonly #firstSeen = new Map<string, number>();
  #known: ReadonlyMap<string, Known> | null = null;
  #now = 0;

  constructor(columns: readonly TreeColumn[]) {
    this.#columns = columns;
  }

  /** Before a look: what appears at it is first seen at `now`, milliseconds since 1970. */
  begin(now: number): void {
    this.#now = now;
  }

  /** When `one` appeared, milliseconds since 1970; null where it was there before the first look. */
  readonly firstSeenOf = (one: Held): number | null => {
    if (this.#known === null) return null;
    const key = keyOf(one);
    if (!this.#known.has(key) && !this.#firstSeen.has(key)) this.#firstSeen.set(key, this.#now);
    return this.#firstSeen.get(key) ?? null;
  };

  /** What differs from the last look; nothing at the first one. A look at which nothing could be found is null. */
  take(look: TreeLook | null): TreeChange[] {
    const known = new Map<string, Known>();
    for (const { node } of look?.placed ?? []) {
      const row = rowOf(node, this.#columns, look!.facts);
      known.set(keyOf(node), { node, row, cells: treeCells(node, "", this.#columns, look!.facts) });
    }
    const before = this.#known;
    this.#known = known;
    if (before === null) return [];

    const changes: TreeChange[] = [];
    for (const [key, now] of known) {
      const old = before.get(key);
      if (old === undefined) {
        changes.push({ change: "appeared", ...now, before: {} });
        continue;
      }
      const differing = this.#columns.filter((column) => old.row[column.key] !== now.row[column.key]);
      if (differing.length === 0) continue;
      const was = Object.fromEntries(differing.map(({ key: name }) => [name, old.row[name]]));
      changes.push({ change: "changed", ...now, before: was });
    }
    for (const [key, gone] of before) {
      if (known.has(key)) continue;
      this.#firstSeen.delete(key);
      changes.push({ change: "vanished", ...gone, before: {} });
    }
    return changes;
  }
}

/** A line of JSON for one change at `time`. */
export function changeJson({ change, row, before }: TreeChange, time: string): string {
  const namespace = { schema: SCHEMA_VERSION, time, change, namespace: row };
  return `${JSON.stringify(change === "changed" ? { ...namespace, before } : namespace)}\n`;
}

/** A line of text for one change at `time`: `TIME appeared net:[4026532570] NPROCS=1 PID=812 …`. */
export function changeText(
  { change, node, row, before }: TreeChange,
  columns: readonly TreeColumn[],
  time: string,
): string {
  const { type, inum } = node.namespace;
  let text = `${time} ${change} ${type}:[${inum}]`;
  for (const column of columns) {
    const { key } = column;
    if (key === "ns" || key === "type") continue;
    if (change === "changed" && !(key in before)) continue;
    const was = change === "changed" ? `${valueText(before[key])}->` : "";
    text += ` ${columnName(column)}=${was}${valueText(row[key])}`;
  }
  return `${text}\n`;
}

function valueText(value: TreeRow[keyof TreeRow] | undefined): string {
  return value === null || value === undefined ? "-" : word(String(value));
}

/** By its id, which is never reused; before Linux 6.18 by the inode number. */
function keyOf({ namespace: { type, inum, id } }: Held): string {
  return `${type}:${id ?? inum}`;
}
