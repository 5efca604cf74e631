import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readlinkSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";

/** What a call returned, and CLOCK_REALTIME before and after it, in nanoseconds. */
export interface Answer {
  readonly ret: number;
  readonly errno: number;
  readonly before: bigint;
  readonly after: bigint;
  readonly said: readonly string[];
}

/** struct mount_attr */
export interface Attributes {
  readonly set?: number;
  readonly clear?: number;
  readonly propagation?: number;
}

/** A mount as findmnt(8) shows it, by its columns. */
export interface FindmntRow {
  readonly id: number;
  readonly parent: number;
  readonly "maj:min": string;
  readonly fsroot: string;
  readonly target: string;
  readonly fstype: string;
  readonly source: string;
  readonly "vfs-options": string;
  readonly "fs-options": string;
}

type Argument = number | string | null | Attributes;

/** Milliseconds after which an actor that does not answer is given up; nothing is measured with it. */
const PATIENCE = 90_000;

/** A process in a mount namespace of its own that makes one system call after another: test/programs/actor.c. */
export class Actor {
  /** In the initial pid namespace. */
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #lines: Interface;
  readonly #copies: number[] = [];

  /** `namespaces`: those that unshare(1) makes for it beside that of mounts. */
  static async start(program: string, namespaces: readonly string[] = []): Promise<Actor> {
    const args = ["--mount", ...namespaces, program];
    const child = spawn("unshare", args, { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface({ input: child.stdout! });
    const actor = new Actor(child, lines);
    await actor.call("chdir", "/");
    // unshare(1) itself is what was started where it has to fork for a pid namespace
    if (namespaces.includes("--fork")) Object.assign(actor, { pid: childrenOf(actor.pid)[0] });
    return actor;
  }

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#lines = lines;
    this.pid = child.pid!;
  }

  async call(name: string, ...args: readonly Argument[]): Promise<Answer> {
    const line = once(this.#lines, "line", { signal: AbortSignal.timeout(PATIENCE) });
    this.#child.stdin!.write(`${[name, ...args.map(encode)].join(" ")}\n`);
    const [ret, errno, before, after, ...said] = ((await line)[0] as string).trimEnd().split(" ");
    return { ret: Number(ret), errno: Number(errno), before: BigInt(before!), after: BigInt(after!), said };
  }

  /** A call that must succeed; what it returned. */
  async ok(name: string, ...args: readonly Argument[]): Promise<number> {
    const { ret, errno } = await this.call(name, ...args);
    assert.ok(ret >= 0, `${name}(${args.map(encode).join(", ")}): errno ${errno}`);
    return ret;
  }

  /** A copy of the process that does nothing; its pid in the initial pid namespace. */
  async fork(): Promise<number> {
    const known = new Set(childrenOf(this.pid));
    await this.ok("fork");
    const copy = childrenOf(this.pid).find((pid) => !known.has(pid))!;
    this.#copies.push(copy);
    return copy;
  }

  /** The mount behind a descriptor, as statx(2) has it. */
  async mount(fd: number): Promise<{ readonly id: string; readonly old_id: number }> {
    const { ret, said } = await this.call("stat", fd, "");
    assert.equal(ret, 0);
    return { id: said[0]!, old_id: Number(said[1]) };
  }

  /** Its mounts on `target`, the topmost last, as findmnt(8) shows them. */
  mountsOn(target: string): FindmntRow[] {
    const columns = "ID,PARENT,MAJ:MIN,FSROOT,TARGET,FSTYPE,SOURCE,VFS-OPTIONS,FS-OPTIONS";
    const text = execFileSync(
      "findmnt",
      ["--task", String(this.pid), "--json", "--list", "--output", columns],
      { encoding: "utf8" },
    );
    const { filesystems } = JSON.parse(text) as { filesystems: FindmntRow[] };
    return filesystems.filter((row) => row.target === target);
  }

  /** The inode number of a namespace that it is in. */
  inum(type: string): number {
    return Number(/\d+/.exec(readlinkSync(`/proc/${this.pid}/ns/${type}`))![0]);
  }

  /** Ends the process and all that it made. */
  async end(): Promise<void> {
    this.#child.stdin!.end();
    await this.#ended();
    for (const pid of this.#copies) killOne(pid);
  }

  /** Ends the process by a signal; its copies live on until {@link end}. */
  async kill(): Promise<void> {
    killOne(this.pid);
    await this.#ended();
  }

  async #ended(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, "exit");
  }
}

export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
}

/** Kills a process that may have ended. */
export function killOne(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, "ESRCH");
  }
}

function encode(argument: Argument): string {
  if (argument === null) return "n";
  if (typeof argument === "number") return `i${argument}`;
  if (typeof argument === "string") return `s${argument}`;
  return `a${argument.set ?? 0},${argument.clear ?? 0},${argument.propagation ?? 0},0`;
}
