import type { Propagation } from "../kernel/mountinfo.js";
import type { ProcfsHolder, ProcfsInstance } from "../mounts/procfs-instances.js";
import type { PlaceCover, ProcfsPlace } from "../mounts/procfs-places.js";
import type { Viewer } from "../mounts/viewers.js";
import { neutralise } from "../publish/neutral.js";
import { render, type Style, span } from "../publish/style.js";
import { alignTable, type TableColumn } from "../publish/table.js";

interface Line {
  /** The lines of the tree before the name, and the name. */
  readonly name: string;
  readonly ns: string;
  readonly options: string;
  readonly notes: string;
  readonly style: Style;
}

interface Branch {
  readonly line: Line;
  readonly children: readonly Branch[];
}

export interface ProcfsTableOptions {
  readonly color: boolean;
  readonly noHeader?: boolean;
}

const COLUMNS: readonly TableColumn[] = ["INSTANCE", "NS", "OPTIONS", "NOTES"].map((name) => ({ name }));

/** The instances as a tree of lines: each with its places, each of those with who is there. */
export function procfsTable(
  instances: readonly ProcfsInstance[],
  { color, noHeader }: ProcfsTableOptions,
): string {
  const lines: Line[] = [];
  for (const one of instances) place(instanceBranch(one), "", lines, true);
  const width = process.stdout.isTTY === true ? process.stdout.columns : undefined;
  const cells = lines.map(({ name, ns, options, notes }) => [name, ns, options, notes]);
  const table = alignTable(COLUMNS, cells);
  const paint = (text: string, style: Style) => `${render([span(text.trimEnd(), style)], color, width)}\n`;
  let text = noHeader === true ? "" : paint(table.header, "bold");
  for (const [index, line] of table.lines.entries()) text += paint(line, lines[index]!.style);
  return text;
}

function place({ line, children }: Branch, indent: string, lines: Line[], top = false): void {
  if (top) lines.push(line);
  for (const [index, child] of children.entries()) {
    const last = index === children.length - 1;
    const name = `${indent}${last ? "└─" : "├─"}${child.line.name}`;
    lines.push({ ...child.line, name });
    place(child, `${indent}${last ? "  " : "│ "}`, lines);
  }
}

function instanceBranch(one: ProcfsInstance): Branch {
  const options = [`hidepid=${one.hidepid}`];
  if (one.gid !== 0) options.push(`gid=${one.gid}`);
  if (one.subset !== null) options.push(`subset=${one.subset}`);
  const notes: string[] = [];
  if (one.host === true) notes.push("the host's");
  if (one.private === true) notes.push("private");
  if (one.pidLevel !== null && one.pidLevel > 0) notes.push(`level ${one.pidLevel}`);
  if (one.userNs !== null) notes.push(`owner user:${one.userNs}`);
  if (one.story !== null) notes.push(`story ${one.story}`);
  const children = [...one.places.map(placeBranch), ...one.holders.map(holderBranch)];
  if (one.keeper === "kernel") children.push(NOBODY);
  return {
    line: {
      name: one.dev,
      ns: `pid:${one.pidNs ?? "?"}`,
      options: options.join(","),
      notes: notes.join(", "),
      style: one.host === true ? "host" : one.private === true ? "changed" : "plain",
    },
    children,
  };
}

const NOBODY: Branch = {
  line: {
    name: "nobody",
    ns: "",
    options: "",
    notes: "not mounted and behind no descriptor: held by the kernel, a directory, or a message in flight",
    style: "dim",
  },
  children: [],
};

function placeBranch(one: ProcfsPlace): Branch {
  const options = [one.readonly ? "ro" : "rw"];
  if (one.root !== "/") options.push(`root=${neutralise(one.root)}`);
  options.push(...propagation(one.propagation));
  const notes = one.covered ? ["under another mount", ...covers(one.covers)] : covers(one.covers);
  return {
    line: {
      name: neutralise(one.path),
      ns: `mnt:${one.mntNs}`,
      options: options.join(","),
      notes: notes.join(", "),
      style: "plain",
    },
    children: one.viewers.map(viewerBranch),
  };
}

function propagation({ shared, master, unbindable }: Propagation): string[] {
  const words: string[] = [];
  if (shared !== undefined) words.push(`shared:${shared}`);
  if (master !== undefined) words.push(`master:${master}`);
  if (unbindable === true) words.push("unbindable");
  return words;
}

/** Masks and read-only paths by number, since every container has the same dozen; what is not that by name. */
function covers(all: readonly PlaceCover[]): string[] {
  const of = (kind: PlaceCover["kind"]) => all.filter((cover) => cover.kind === kind);
  const words: string[] = [];
  const masks = of("mask").length;
  const readonly = of("readonly").length;
  if (masks > 0) words.push(`${masks} ${masks === 1 ? "mask" : "masks"}`);
  if (readonly > 0) words.push(`${readonly} read-only`);
  for (const { path } of of("writable")) words.push(`writable ${neutralise(path)}`);
  for (const { path, fsType } of of("other")) words.push(`${neutralise(fsType)} on ${neutralise(path)}`);
  return words;
}

function viewerBranch({ container, processes, first }: Viewer): Branch {
  const number = processes === 1 ? "1 process" : `${processes} processes, first`;
  return {
    line: {
      name: container === null ? "host" : neutralise(container.name ?? container.id),
      ns: "",
      options: "",
      notes: `${number} ${first.pid} ${neutralise(first.comm)}`,
      style: container === null ? "dim" : "container",
    },
    children: [],
  };
}

function holderBranch({ pid, fd, comm, container, detached, root }: ProcfsHolder): Branch {
  const who = container === null ? "" : ` of ${neutralise(container.name ?? container.id)}`;
  const what = `${root ? "root of" : "a file on"} ${detached ? "a detached mount" : "a mount that was not read"}`;
  return {
    line: {
      name: `fd ${fd}`,
      ns: "",
      options: "",
      notes: `${what}, ${pid} ${neutralise(comm ?? "?")}${who}`,
      style: container === null ? "changed" : "container",
    },
    children: [],
  };
}
