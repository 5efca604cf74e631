import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { mountNamespaceId, withNamespace } from "../../../src/kernel/nsfs.js";
import type { MountNs } from "../../../src/mounts/mount-tables.js";

/** A process in a mount namespace of its own, which ends with its stdin. */
export interface World {
  readonly pid: number;
  end(): Promise<void>;
}

/** Starts what says `ready PID` when everything is mounted, the pid being that of who is to be looked at. */
export async function startWorld(command: string, args: readonly string[]): Promise<World> {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const [text] = await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  const pid = /^ready (\d+)\n$/.exec(String(text))?.[1];
  if (pid === undefined) {
    child.kill("SIGKILL");
    throw new Error(`${command} ${args.join(" ")} says ${text}`);
  }
  return { pid: Number(pid), end: () => ended(child) };
}

/** Runs `script` with bash in a mount namespace of its own, where /mnt is an empty tmpfs. */
export function startShell(script: string): Promise<World> {
  const whole = `set -e; mount -t tmpfs scratch /mnt; cd /mnt; ${script}`;
  return startWorld("unshare", ["--mount", "--propagation", "private", "bash", "-c", whole]);
}

/** What tells `ready` and waits for the end of stdin; the shell's own pid, which exec(2) does not change. */
export const WAIT = "echo ready $$; exec cat";

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, "close");
  child.stdin?.end();
  await closed;
}

/** The mount namespace that `pid` is in, as {@link MountTables} is told of it. */
export function mountNsOf(pid: number, event: bigint | null = null): MountNs {
  const id = withNamespace(`/proc/${pid}/ns/mnt`, mountNamespaceId);
  return {
    ns: Number(readlinkSync(`/proc/${pid}/ns/mnt`).slice("mnt:[".length, -1)),
    id: id.ok ? String(id.value) : null,
    pids: [pid],
    event,
  };
}
