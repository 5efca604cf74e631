import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KeyholeEvent } from "../../src/event.js";

/** Inode numbers by name of the link below /proc/PID/ns; 0 where the link has none. */
export type Links = Readonly<Record<string, number>>;

/** What acts.c says of one call. */
export interface Act {
  readonly syscall: string;
  readonly abi: string;
  readonly pid: number;
  readonly args: Readonly<Record<string, unknown>>;
  readonly ret: number;
  /** Its name, "" for a success. */
  readonly errno: string;
  readonly before: Links;
  readonly after: Links;
  /** Members that the event's `target`, `outcome.child` and `outcome.procfs` must have. */
  readonly target?: Readonly<Record<string, unknown>>;
  /** Of the process that a pidfd refers to. */
  readonly target_ns?: Links;
  readonly child?: { readonly pid: number; readonly namespaces: Links };
  readonly procfs?: Readonly<Record<string, unknown>>;
}

/** A run of a program in a guest. */
export interface Run {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What guest.sh left in /results. */
export interface Results {
  /** uname(1) -r */
  readonly release: string;
  readonly doctor: Run;
  readonly run: Run;
  readonly acts: Run;
  readonly scan: Run;
  /** `scan` and `tree` with the process of a cgroup `box` that sees the host's processes in its own procfs. */
  readonly boxScan: Run;
  readonly tree: Run;
  /** What the links of /proc/PID/ns of all processes show, e.g. `pid:[4026531836]`, each once. */
  readonly links: readonly string[];
  /** BPF objects that were read, by file name. */
  readonly objects: readonly string[];
}

/** Reads the gzipped tar that a guest sent. Throws where a file is missing. */
export function readResults(archive: string): Results {
  const folder = mkdtempSync(join(tmpdir(), "keyhole-results-"));
  try {
    execFileSync("tar", ["-xzf", archive, "-C", folder], { stdio: ["ignore", "ignore", "pipe"] });
    const text = (name: string): string => readFileSync(join(folder, name), "utf8");
    const run = (name: string): Run => ({
      status: Number(text(`${name}.status`)),
      stdout: text(`${name}.stdout`),
      stderr: text(`${name}.stderr`),
    });
    return {
      release: text("release").trim(),
      doctor: run("doctor"),
      run: run("run"),
      acts: run("acts"),
      scan: run("scan"),
      boxScan: run("box-scan"),
      tree: run("tree"),
      links: lines(text("links")),
      objects: lines(text("objects")),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The events that `run` wrote. */
export function eventsOf({ run }: Results): KeyholeEvent[] {
  return jsonLines(run.stdout) as KeyholeEvent[];
}

export function actsOf({ acts }: Results): Act[] {
  return jsonLines(acts.stdout) as Act[];
}

function jsonLines(text: string): unknown[] {
  return lines(text).map((line) => JSON.parse(line) as unknown);
}

function lines(text: string): string[] {
  return text.split("\n").filter(Boolean);
}
