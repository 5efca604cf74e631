import { suggest } from "../config/suggest.js";
import { KeyholeError } from "../errors.js";
import type { ContainerRef } from "../event.js";
import type { NsType } from "../kernel/links.js";
import type { Held } from "../namespaces/forest.js";
import { containerName } from "../publish/container-name.js";
import { neutralise, quoted } from "../publish/neutral.js";

/**
 * One namespace of `keyhole tree`. The names are those of lsns(8) where it has the same thing; columns have the same in
 * capitals, with `-` for `_`.
 */
export interface TreeRow {
  readonly ns: number;
  readonly type: NsType;
  /** Processes with at least one thread in it. */
  readonly nprocs: number;
  /** The lowest pid of them. */
  readonly pid: number | null;
  readonly ppid: number | null;
  readonly uid: number | null;
  readonly user: string | null;
  /** Inode number of the parent, of pid and user namespaces. */
  readonly pns: number | null;
  /** Inode number of the owning user namespace. */
  readonly ons: number | null;
  /** A file of the namespace: of its first process, else of a descriptor or a mount that holds it. */
  readonly path: string | null;
  readonly command: string | null;
  readonly id: string | null;
  readonly level: number | null;
  readonly owner_uid: number | null;
  /** Whether it is the host's. */
  readonly host: boolean;
  /** Whether it is the kernel's own initial one. */
  readonly init: boolean;
  /** The id of the container that its first process is in. */
  readonly container: string | null;
  /** `NAMESPACE/NAME` of that container's pod, else the pod's uid. */
  readonly pod: string | null;
  /** Open descriptors of it. */
  readonly fds: number | null;
  /** Mounts of its file. */
  readonly binds: number | null;
  /** Procfs superblocks that show its processes. */
  readonly procfs: number | null;
  /** Where its file is mounted, separated by commas. */
  readonly nsfs: string | null;
  /** RFC 3339; null where nothing was watched. */
  readonly first_seen: string | null;
}

export type TreeKey = keyof TreeRow;
export type TreeValue = TreeRow[TreeKey];

/** What a column may ask that is not in the graph. */
export interface TreeFacts {
  isHost(one: Held): boolean;
  isInit(one: Held): boolean;
  userName(uid: number): string | null;
  commandOf(one: Held): string | null;
  containerOf(one: Held): ContainerRef | null;
  pathOf(one: Held): string | null;
  mountsOf(one: Held): readonly string[];
  firstSeenOf(one: Held): number | null;
  /** Whether descriptors and mounts, and procfs superblocks, could be looked at. */
  readonly holders: boolean;
  readonly superblocks: boolean;
}

/** What has to be read of the node for a column. */
export type TreeWant = "openFiles" | "superblocks";

export interface TreeColumn {
  readonly key: TreeKey;
  readonly type: "int" | "string" | "bool";
  readonly wants?: TreeWant;
  readonly of: (one: Held, facts: TreeFacts) => TreeValue;
}

export const TREE_COLUMNS: readonly TreeColumn[] = [
  { key: "ns", type: "int", of: ({ namespace }) => namespace.inum },
  { key: "type", type: "string", of: ({ namespace }) => namespace.type },
  { key: "nprocs", type: "int", of: ({ processes }) => processes },
  { key: "pid", type: "int", of: ({ first }) => first?.pid ?? null },
  { key: "ppid", type: "int", of: ({ first }) => first?.ppid ?? null },
  { key: "uid", type: "int", of: ({ first }) => first?.uid ?? null },
  {
    key: "user",
    type: "string",
    of: ({ first }, facts) => (first === null ? null : facts.userName(first.uid)),
  },
  { key: "pns", type: "int", of: ({ namespace }) => namespace.parent?.inum ?? null },
  { key: "ons", type: "int", of: ({ namespace }) => namespace.owner?.inum ?? null },
  { key: "path", type: "string", wants: "openFiles", of: (one, facts) => facts.pathOf(one) },
  { key: "id", type: "string", of: ({ namespace }) => namespace.id },
  { key: "level", type: "int", of: ({ namespace }) => namespace.level },
  { key: "owner_uid", type: "int", of: ({ namespace }) => namespace.ownerUid },
  { key: "host", type: "bool", of: (one, facts) => facts.isHost(one) },
  { key: "init", type: "bool", of: (one, facts) => facts.isInit(one) },
  { key: "container", type: "string", of: (one, facts) => facts.containerOf(one)?.id ?? null },
  { key: "pod", type: "string", of: (one, facts) => podName(facts.containerOf(one)) },
  {
    key: "fds",
    type: "int",
    wants: "openFiles",
    of: ({ namespace }, facts) => (facts.holders ? namespace.fds : null),
  },
  {
    key: "binds",
    type: "int",
    wants: "openFiles",
    of: ({ namespace }, facts) => (facts.holders ? namespace.binds : null),
  },
  {
    key: "procfs",
    type: "int",
    wants: "superblocks",
    of: ({ namespace }, facts) => (facts.superblocks && namespace.type === "pid" ? namespace.procfs : null),
  },
  {
    key: "nsfs",
    type: "string",
    wants: "openFiles",
    of: (one, facts) => facts.mountsOf(one).join(",") || null,
  },
  {
    key: "first_seen",
    type: "string",
    of: (one, facts) => {
      const time = facts.firstSeenOf(one);
      return time === null ? null : new Date(time).toISOString();
    },
  },
  { key: "command", type: "string", of: (one, facts) => facts.commandOf(one) },
];

const BY_NAME = new Map(TREE_COLUMNS.map((column) => [columnName(column), column]));

/** As it stands above the column and as `--columns` takes it. */
export function columnName({ key }: Pick<TreeColumn, "key">): string {
  return key.toUpperCase().replaceAll("_", "-");
}

/**
 * The columns that `text` lists, with commas between them; `+` in front adds to `standard`. Throws KEYHOLE_TREE_COLUMN for
 * a name that no column has.
 */
export function parseColumns(text: string, standard: readonly TreeKey[]): TreeColumn[] {
  const added = text.startsWith("+");
  const columns = added ? columnsOf(standard) : [];
  for (const word of text.slice(added ? 1 : 0).split(",")) {
    const name = word.trim().toUpperCase().replaceAll("_", "-");
    const column = BY_NAME.get(name);
    if (column === undefined) throw unknownColumn(word);
    if (!columns.includes(column)) columns.push(column);
  }
  return columns;
}

/** The columns of these keys, in their order. */
export function columnsOf(keys: readonly TreeKey[]): TreeColumn[] {
  return keys.map((key) => TREE_COLUMNS.find((column) => column.key === key)!);
}

function unknownColumn(word: string): KeyholeError {
  const meant = suggest(word, BY_NAME.keys());
  return new KeyholeError(`there is no column ${quoted(word)}`, {
    code: "KEYHOLE_TREE_COLUMN",
    expected: [...BY_NAME.keys()].join(", "),
    found: quoted(word),
    ...(meant !== null && { hint: `did you mean ${meant}?` }),
  });
}

/** What `column` has of `one`, as the table shows it. */
export function cellOf(column: TreeColumn, one: Held, facts: TreeFacts): string {
  if (column.key === "container") {
    const container = facts.containerOf(one);
    return container === null ? "-" : containerName(container);
  }
  const value = column.of(one, facts);
  // lsns shows the number where a uid has no name, and so does ps.
  if (column.key === "user" && value === null) return String(one.first?.uid ?? "-");
  if (value === null || value === "") return "-";
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return value ? column.key : "-";
  return neutralise(value);
}

function podName(container: ContainerRef | null): string | null {
  const pod = container?.pod ?? null;
  if (pod === null) return null;
  return pod.name === null ? pod.uid : pod.namespace === null ? pod.name : `${pod.namespace}/${pod.name}`;
}
