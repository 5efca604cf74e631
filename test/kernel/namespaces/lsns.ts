import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { debianRoot } from "../../oracle/debian-root.js";

/** A line of lsns(8); null or 0 where there is none. */
export interface LsnsRow {
  readonly ns: number;
  readonly type: string;
  readonly nprocs: number;
  readonly pid: number | null;
  readonly ppid: number | null;
  readonly uid: number | null;
  readonly user: string | null;
  readonly pns: number;
  readonly ons: number;
  readonly command: string | null;
}

/** Where the Debian root has its libraries, by Node's name of the architecture. */
const LIBRARIES: Readonly<Record<string, { readonly loader: string; readonly folder: string }>> = {
  x64: { loader: "usr/lib64/ld-linux-x86-64.so.2", folder: "usr/lib/x86_64-linux-gnu" },
  arm64: { loader: "usr/lib/ld-linux-aarch64.so.1", folder: "usr/lib/aarch64-linux-gnu" },
};

/**
 * What the lsns of a recent Debian lists, which also finds what descriptors, sockets and mounts hold. It runs here, with
 * the libraries of its own root.
 */
export function recentLsns(...options: string[]): LsnsRow[] {
  const root = debianRoot();
  const libraries = LIBRARIES[process.arch];
  if (libraries === undefined) throw new Error(`no Debian root for ${process.arch}`);
  const program = [join(root, libraries.loader), "--library-path", join(root, libraries.folder)];
  return run([...program, join(root, "usr/bin/lsns")], options);
}

/** What the lsns of this system lists. */
export function lsns(...options: string[]): LsnsRow[] {
  return run(["lsns"], options);
}

/** What the lsns of this system prints. */
export function lsnsText(options: readonly string[]): string {
  return textOf(["lsns", ...options]);
}

/** It gives up, with nothing said, where a process ends while it is looked at. */
const ATTEMPTS = 10;

function textOf([program, ...options]: readonly string[]): string {
  for (let attempt = 1; ; attempt++) {
    const { status, stdout, stderr, error } = spawnSync(program!, options, {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    if (status === 0) return stdout;
    if (attempt === ATTEMPTS) throw new Error(`lsns: status ${status}, ${error?.message ?? stderr}`);
  }
}

function run(command: readonly string[], options: readonly string[]): LsnsRow[] {
  const columns = "NS,TYPE,NPROCS,PID,PPID,UID,USER,PNS,ONS,COMMAND";
  return JSON.parse(textOf([...command, "-J", "-l", "-o", columns, ...options])).namespaces;
}
