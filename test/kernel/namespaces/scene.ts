import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { requireRoot } from "./nested.js";

/** How many user and pid namespaces stand in each other. */
export const DEPTH = 5;

const SCRIPT = fileURLToPath(new URL("scene.py", import.meta.url));

/** Namespaces of all sorts, by their inode numbers. */
export interface Scene {
  /** From the outermost; each pid namespace is owned by its user namespace. */
  readonly nested: readonly { readonly pid: number; readonly user: number }[];
  /** A network namespace that only a mount holds, in the mount namespace of the test. */
  readonly bound: number;
  /**
   * A mount namespace with one process, in which a mount holds the uts namespace, and in which a procfs shows the pid
   * namespace, whose processes have ended.
   */
  readonly private: { readonly mnt: number; readonly uts: number; readonly pid: number };
  /** Those of net and ipc are held by descriptors alone, and owned by that of user, which nothing else holds. */
  readonly opened: { readonly net: number; readonly ipc: number; readonly user: number };
  /** A network namespace that only a socket holds. */
  readonly socket: number;
  /** A thread of `pid` in a uts namespace of its own. */
  readonly thread: { readonly pid: number; readonly tid: number; readonly uts: number };
}

export interface RunningScene extends Scene {
  /** Closes the descriptors of `opened` and the socket. */
  close(): Promise<void>;
  /** Ends the process in the mount namespace `private`. */
  unmount(): Promise<void>;
  stop(): Promise<void>;
}

/** Makes them, in a process of Python and its children. Fails with the reason where it cannot. */
export async function startScene(): Promise<RunningScene> {
  requireRoot();
  const folder = mkdtempSync(join(tmpdir(), "keyhole-scene-"));
  for (const name of ["net", "uts"]) writeFileSync(join(folder, name), "");
  mkdirSync(join(folder, "proc"));
  const child = spawn("python3", [SCRIPT, folder, String(DEPTH)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error("the process that makes the namespaces has ended");
    return value;
  };
  const scene = JSON.parse(await line()) as Scene;
  const tell = async (text: string): Promise<void> => {
    child.stdin.write(`${text}\n`);
    await line();
  };
  return {
    ...scene,
    close: () => tell("close"),
    unmount: () => tell("unmount"),
    async stop() {
      child.kill("SIGKILL");
      await once(child, "close");
      execFileSync("umount", [join(folder, "net")]);
      rmSync(folder, { recursive: true });
    },
  };
}
