import { isDeepStrictEqual } from "node:util";
import type { Namespaces, SyscallEvent } from "../../src/event.js";
import { NS_LINKS, NS_TYPES } from "../../src/kernel/links.js";
import type { Act, Links, Mode } from "./results.js";

/** Calls whose strings the kernel's own copies replace in attach mode `fentry`, where they succeed. */
const COPIED: ReadonlySet<string> = new Set([
  "mount",
  "umount2",
  "umount",
  "move_mount",
  "chroot",
  "pivot_root",
]);

/**
 * What is wrong with `event` as the description of `act`, a line each; empty where it is right. The act was
 * told by the program that did it: its arguments, its result, and /proc/self/ns before and after.
 */
export function describeDifferences(act: Act, event: SyscallEvent, mode: Mode): string[] {
  const wrong: string[] = [];
  const expect = (what: string, expected: unknown, found: unknown): void => {
    if (isDeepStrictEqual(expected, found)) return;
    wrong.push(`${what}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`);
  };
  const isCopied = COPIED.has(act.syscall) || (act.syscall === "fsconfig" && act.args.key !== null);
  if (isCopied && act.errno === "") {
    expect("strings", mode === "fentry" ? "kernel" : "user-exit", event.strings);
  }
  expect("has duration_ns", mode === "fentry", event.duration_ns !== null && event.duration_ns > 0);
  if (act.rewritten !== undefined) expect("mm_shared", true, event.mm_shared);
  const args = mode === "tracepoint" ? (act.rewritten ?? act.args) : act.args;
  expect("abi", act.abi, event.abi);
  expect("ret", act.ret, event.ret);
  expect("errno", act.errno === "" ? undefined : act.errno, event.errno);
  for (const [name, value] of Object.entries(args)) {
    expect(`args.${name}`, unordered(value), unordered(event.args[name]));
  }
  const faulty = act.errno === "EFAULT";
  expect("unreadable", faulty, event.unreadable !== undefined);
  for (const type of NS_TYPES) expect(`namespaces.${type}`, act.after[type], event.namespaces[type]?.inum);
  const changes = expectedChanges(act.before, act.child?.namespaces ?? act.after);
  expect("changed", changes, foundChanges(event, changes));
  expectMembers(expect, "target", act.target, event.target);
  if (act.target_ns !== undefined && event.target?.via === "pidfd") {
    expectNamespaces(expect, "target.namespaces", act.target_ns, event.target.namespaces);
  }
  expectMembers(expect, "outcome.procfs", act.procfs, event.outcome?.procfs);
  expect("outcome.child.pid", act.child?.pid, event.outcome?.child?.pid);
  if (act.child !== undefined) {
    expectNamespaces(expect, "outcome.child", act.child.namespaces, event.outcome?.child?.namespaces);
  }
  return wrong;
}

type Expect = (what: string, expected: unknown, found: unknown) => void;

/** Flag words are sets. */
function unordered(value: unknown): unknown {
  if (Array.isArray(value)) return [...value].sort();
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, unordered(member)]));
}

interface Change {
  readonly from: number | undefined;
  readonly to: number | "untold" | undefined;
}

type Changes = Readonly<Record<string, Change>>;

/**
 * Each link that leads elsewhere than before. One that shows nothing afterwards (the pid namespace for
 * children, before the first is born) leads somewhere that /proc does not tell.
 */
function expectedChanges(before: Links, after: Links): Changes {
  const changes: Record<string, Change> = {};
  for (const link of NS_LINKS) {
    const from = before[link];
    const to = after[link];
    if (from !== to) changes[link] = { from, to: to === 0 ? "untold" : to };
  }
  return changes;
}

function foundChanges({ changed }: SyscallEvent, expected: Changes): Changes {
  const changes: Record<string, Change> = {};
  for (const [link, { from, to }] of Object.entries(changed ?? {})) {
    const untold = expected[link]?.to === "untold" && to.inum !== from?.inum;
    changes[link] = { from: from?.inum, to: untold ? "untold" : to.inum };
  }
  return changes;
}

function expectMembers(
  expect: Expect,
  what: string,
  members: Readonly<Record<string, unknown>> | undefined,
  found: unknown,
): void {
  if (members === undefined) return;
  for (const [name, value] of Object.entries(members)) {
    expect(`${what}.${name}`, value, (found as Record<string, unknown> | undefined)?.[name]);
  }
}

function expectNamespaces(
  expect: Expect,
  what: string,
  inums: Links,
  found: Namespaces | null | undefined,
): void {
  for (const type of NS_TYPES) expect(`${what}.${type}`, inums[type], found?.[type]?.inum);
}
