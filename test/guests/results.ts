import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KeyholeEvent } from "../../src/event.js";

/** Inode numbers by name of the link below /proc/PID/ns; 0 where the link has none. */
export type Links = Readonly<Record<string, number>>;

/** What a program of act.h says of one call. */
export interface Act {
  readonly syscall: string;
  readonly abi: string;
  readonly tid: number;
  readonly args: Readonly<Record<string, unknown>>;
  /** What another thread made of them in user memory before the call returned. */
  readonly rewritten?: Readonly<Record<string, unknown>>;
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

export const MODES = ["tracepoint", "fentry"] as const;
export type Mode = (typeof MODES)[number];

/** One case of a program of test/programs. */
export interface Case {
  readonly name: string;
  readonly status: number;
  /** The descriptor of the setns(2) that follows it. */
  readonly mark: number;
}

/** What the agent told in one attach mode, and what was done meanwhile. */
export interface Observed {
  readonly run: Run;
  readonly events: readonly KeyholeEvent[];
  readonly actsRun: Run;
  readonly acts: readonly Act[];
  readonly cases: readonly Case[];
  /** opens.c in a container. */
  readonly opens: Run;
  /** The exit status of crowd.c. */
  readonly crowd: number;
}

/** What crowd.c is started with: processes, and calls of each. */
export const CROWD = { processes: 6, calls: 150 };

/** What commands and a running agent said of procfs instances and mounts, and what /proc says of them. */
export interface Inventory {
  readonly procfs: Run;
  /** `keyhole pid` of the innermost process of `box`. */
  readonly pid: Run;
  readonly agent: { readonly status: number; readonly stderr: string };
  /** GET /v1/mounts of the mount namespace of `box`. */
  readonly mounts: string;
  readonly mountinfo: string;
  readonly boxMountinfo: string;
  /** Of its pid namespace, which /tmp/inside is a procfs of where the kernel can make one. */
  readonly boxPidNs: number;
  /** Its pids, from the initial pid namespace down. */
  readonly boxPids: readonly number[];
  /** Who holds a procfs that is mounted nowhere. */
  readonly held: { readonly pid: number; readonly fd: number };
}

/** What guest.sh left in /results. */
export interface Results {
  /** uname(1) -r */
  readonly release: string;
  readonly doctor: Run;
  readonly modes: Readonly<Record<Mode, Observed>>;
  readonly scan: Run;
  /** `scan` and `tree` with the process of a cgroup `box` that sees the host's processes in its own procfs. */
  readonly boxScan: Run;
  readonly tree: Run;
  readonly inventory: Inventory;
  /** What the links of /proc/PID/ns of all processes show, e.g. `pid:[4026531836]`, each once. */
  readonly links: readonly string[];
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
    const observed = (mode: Mode): Observed => {
      const [agent, acts] = [run(`${mode}.run`), run(`${mode}.acts`)];
      return {
        run: agent,
        events: jsonLines(agent.stdout) as KeyholeEvent[],
        actsRun: acts,
        acts: jsonLines(acts.stdout) as Act[],
        cases: lines(text(`${mode}.cases`)).map(readCase),
        opens: run(`${mode}.opens`),
        crowd: Number(text(`${mode}.crowd.status`)),
      };
    };
    return {
      release: text("release").trim(),
      doctor: run("doctor"),
      modes: { tracepoint: observed("tracepoint"), fentry: observed("fentry") },
      scan: run("scan"),
      boxScan: run("box-scan"),
      tree: run("tree"),
      inventory: {
        procfs: run("procfs"),
        pid: run("pid"),
        agent: { status: Number(text("agent.status")), stderr: text("agent.stderr") },
        mounts: text("mounts"),
        mountinfo: text("mountinfo"),
        boxMountinfo: text("box.mountinfo"),
        boxPidNs: Number(/\d+/.exec(text("box.pidns"))?.[0]),
        boxPids: text("box.nspid").trim().split(/\s+/).slice(1).map(Number),
        held: readHeld(text("held")),
      },
      links: lines(text("links")),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** PID FD */
function readHeld(line: string): Inventory["held"] {
  const [pid, fd] = line.trim().split(" ").map(Number);
  return { pid: pid!, fd: fd! };
}

/** NUMBER STATUS PROGRAM CASE */
function readCase(line: string): Case {
  const [mark, status, ...name] = line.split(" ");
  return { mark: -Number(mark), status: Number(status), name: name.join(" ") };
}

function jsonLines(text: string): unknown[] {
  return lines(text).map((line) => JSON.parse(line) as unknown);
}

function lines(text: string): string[] {
  return text.split("\n").filter(Boolean);
}
