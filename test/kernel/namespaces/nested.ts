import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";

/** Fails, with the reason, where the tests below test/kernel cannot run. */
export function requireRoot(): void {
  assert.equal(process.getuid?.(), 0, "this test needs root: it makes namespaces and looks into them");
}

/** Two containers, one in the other, made by unshare(1); the innermost process sleeps. */
export interface Nested {
  /** Pids in the agent's pid namespace: of the first process of the outer and of the inner pid namespace. */
  readonly outer: number;
  readonly inner: number;
  stop(): Promise<void>;
}

const OUTER =
  "--user --map-root-user --pid --fork --kill-child --mount --mount-proc --uts --ipc --net --cgroup --time";
const INNER = "--user --map-root-user --pid --fork --kill-child --mount --mount-proc";

export async function startNested(): Promise<Nested> {
  requireRoot();
  const script = `unshare ${INNER} sh -c 'echo ready; sleep 1000; :'; :`;
  const child = spawn("unshare", [...OUTER.split(" "), "sh", "-c", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout!, "data");
  const outer = childOf(child.pid!);
  const inner = childOf(childOf(outer));
  return { outer, inner, stop: () => stop(child) };
}

/** The only child of `pid`, as ps(1) knows it. */
function childOf(pid: number): number {
  const children = execFileSync("ps", ["-o", "pid=", "--ppid", String(pid)], { encoding: "utf8" }).trim();
  assert.match(children, /^\d+$/);
  return Number(children);
}

/** The pid namespaces' first processes die with unshare, and with them everything in the namespaces. */
export async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "close");
}
