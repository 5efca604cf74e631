import { setTimeout } from "node:timers/promises";
import { KeyholeError } from "../errors.js";
import { cutTo, render, type Style, span } from "../publish/style.js";
import { alignTable } from "../publish/table.js";
import type { TreeLook, TreeOptions, TreeView } from "./tree.js";
import { changeJson, changeText, type TreeChange, TreeChanges } from "./tree-changes.js";
import { tableColumns, treeCells } from "./tree-output.js";

const HIDE_CURSOR = "\x1b[?25l\x1b[2J";
const SHOW_CURSOR = "\x1b[?25h\n";
const HOME = "\x1b[H";
const CLEAR_LINE = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

const MARKS: Readonly<Record<TreeChange["change"], { readonly mark: string; readonly style: Style }>> = {
  appeared: { mark: "+", style: "good" },
  changed: { mark: "~", style: "changed" },
  vanished: { mark: "-", style: "bad" },
};

/**
 * Looks again every `options.watch` seconds until SIGINT, SIGTERM or `options.signal`; returns 0 then. On a terminal the
 * table is drawn anew each time with what changed marked; elsewhere, and as JSON, each change is a line. A process or
 * container that is to be watched has to be there at the first look only.
 */
export async function watchTree(
  view: TreeView,
  options: TreeOptions & { readonly watch: number },
): Promise<number> {
  const { columns } = view;
  const drawn = options.output !== "json" && options.write === undefined && process.stdout.isTTY === true;
  const write = options.write ?? ((text: string) => void process.stdout.write(text));
  const writeError = options.writeError ?? ((text: string) => void process.stderr.write(text));
  const changes = new TreeChanges(columns);
  const end = endOf(options.signal);

  try {
    const first = view.look(changes.firstSeenOf);
    for (const what of first.incomplete) writeError(`keyhole: ${what}\n`);
    changes.take(first);
    if (drawn) write(HIDE_CURSOR + draw(first, [], view, options));
    while (await end.after(options.watch * 1000)) {
      const now = Date.now();
      changes.begin(now);
      const look = lookAgain(view, changes);
      const found = changes.take(look);
      const time = new Date(now).toISOString();
      if (drawn) write(draw(look, found, view, options));
      else {
        for (const change of found) {
          write(options.output === "json" ? changeJson(change, time) : changeText(change, columns, time));
        }
      }
    }
  } finally {
    end.forget();
    if (drawn) write(SHOW_CURSOR);
  }
  return 0;
}

interface Row {
  readonly mark: string;
  readonly style: Style;
  readonly cells: readonly string[];
}

/** Null where the process or container that was chosen has ended. */
function lookAgain(view: TreeView, changes: TreeChanges): TreeLook | null {
  try {
    return view.look(changes.firstSeenOf);
  } catch (error) {
    if (error instanceof KeyholeError && error.code === "KEYHOLE_TREE_TARGET") return null;
    throw error;
  }
}

/** One screen: as many rows as fit, what is gone at its end. */
function draw(
  look: TreeLook | null,
  changes: readonly TreeChange[],
  { columns }: TreeView,
  options: TreeOptions & { readonly watch: number },
): string {
  // A terminal that has no size says 0.
  const height = process.stdout.rows || 24;
  const width = process.stdout.columns || 80;
  const color = options.color === true;
  const changed = new Map(changes.map(({ node, change }) => [node, change]));
  const rows: Row[] = [];
  for (const { node, branch } of look?.placed ?? []) {
    const change = changed.get(node);
    const isHost = look?.facts.isHost(node) === true;
    const plain = { mark: " ", style: isHost ? "dim" : "container" } as const;
    const cells = treeCells(node, branch, columns, look!.facts);
    rows.push({ ...(change === undefined ? plain : MARKS[change]), cells });
  }
  for (const { change, cells } of changes) if (change === "vanished") rows.push({ ...MARKS[change], cells });

  const { header, lines } = alignTable(
    tableColumns(columns),
    rows.map(({ cells }) => cells),
  );
  const title = `every ${options.watch} s, ${new Date().toISOString()}: ${look?.placed.length ?? 0} namespaces`;
  const text = [
    render([span(title, "dim")], color, width),
    render([span(`  ${header}`, "bold")], color, width),
  ];
  // the title, the header, and the line that says what is not shown
  const room = Math.max(height - 3, 1);
  for (const [index, { mark, style }] of rows.slice(0, room).entries())
    text.push(render([span(`${mark} ${lines[index]!}`, style)], color, width));
  if (rows.length > room)
    text.push(cutTo(`… ${rows.length - room} more: --type, --pid, --container or --filter show less`, width));
  return `${HOME}${text.map((line) => `${line}${CLEAR_LINE}`).join("\n")}${CLEAR_BELOW}`;
}

/** SIGINT, SIGTERM or `signal`. */
function endOf(signal: AbortSignal | undefined) {
  const controller = new AbortController();
  const stop = (): void => controller.abort();
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  signal?.addEventListener("abort", stop);
  if (signal?.aborted === true) stop();
  return {
    /** Resolves after so many milliseconds, or at once when the end comes; whether to go on. */
    after: async (milliseconds: number): Promise<boolean> => {
      await setTimeout(milliseconds, undefined, { signal: controller.signal }).catch(() => {});
      return !controller.signal.aborted;
    },
    forget: (): void => {
      process.off("SIGINT", stop);
      process.off("SIGTERM", stop);
      signal?.removeEventListener("abort", stop);
    },
  };
}
