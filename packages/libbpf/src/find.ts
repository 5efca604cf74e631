import { lstatSync, readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, isAbsolute } from "node:path";
import { LibbpfError } from "./errors.js";

export type LibbpfSource = "environment" | "package" | "system";

/** A place where a libbpf may be, best first. */
export interface Candidate {
  readonly source: LibbpfSource;
  /** What dlopen(3) is asked for. */
  readonly file: string;
}

export const ENVIRONMENT = "KEYHOLE_LIBBPF";
export const SYSTEM = "libbpf.so.1";

/** The npm package that carries a libbpf for this processor. */
export function platformPackage(): string {
  return `@keyhole/libbpf-linux-${process.arch}`;
}

/**
 * Where to look: the environment if it names a file (and then nowhere else), the platform package if it is
 * installed and has its binary, the dynamic linker's own search (ld.so(8)).
 */
export function candidates(environment: NodeJS.ProcessEnv = process.env): readonly Candidate[] {
  const named = environment[ENVIRONMENT];
  if (named !== undefined && named !== "") return [{ source: "environment", file: trusted(named) }];
  const found: Candidate[] = [];
  const file = packagedBinary();
  if (file !== null) found.push({ source: "package", file });
  found.push({ source: "system", file: SYSTEM });
  return found;
}

/** The platform package's shared object, or null if the package or the file is not there. */
function packagedBinary(): string | null {
  try {
    return createRequire(import.meta.url).resolve(`${platformPackage()}/binary`);
  } catch {
    return null;
  }
}

/**
 * The real path of a file that only root can change: the file and each directory above it belong to root and
 * are writable by nobody else. The library runs with the rights of this process, usually root's.
 */
function trusted(file: string): string {
  if (!isAbsolute(file)) {
    throw new LibbpfError("LIBBPF_UNTRUSTED", `${ENVIRONMENT}=${file} is not an absolute path`);
  }
  let real: string;
  try {
    real = realpathSync(file);
  } catch (cause) {
    throw new LibbpfError("LIBBPF_NOT_FOUND", `${ENVIRONMENT}=${file} cannot be resolved`, { cause });
  }
  for (let path = real; ; path = dirname(path)) {
    const { uid, mode } = lstatSync(path);
    if (uid !== 0) {
      throw new LibbpfError(
        "LIBBPF_UNTRUSTED",
        `${ENVIRONMENT}=${file}: ${path} belongs to uid ${uid}, not to root`,
      );
    }
    if ((mode & 0o022) !== 0) {
      const bits = (mode & 0o7777).toString(8).padStart(4, "0");
      throw new LibbpfError(
        "LIBBPF_UNTRUSTED",
        `${ENVIRONMENT}=${file}: ${path} is writable by others than root (mode ${bits})`,
      );
    }
    if (path === "/") return real;
  }
}

/** The error of a machine without libbpf; `tried` says what became of each place. */
export function notFound(tried: readonly string[]): LibbpfError {
  return new LibbpfError(
    "LIBBPF_NOT_FOUND",
    [
      "no libbpf 1.x was found",
      ...tried.map((place) => `  ${place}`),
      `Install the npm package ${platformPackage()}, or the system's libbpf:`,
      "  apt install libbpf1   |  dnf install libbpf  |  zypper install libbpf1",
      "  apk add libbpf        |  pacman -S libbpf",
      `or name a file that only root can write: ${ENVIRONMENT}=/path/to/libbpf.so.1`,
    ].join("\n"),
  );
}

/** The file that the dynamic linker chose for libbpf, from /proc/self/maps (proc_pid_maps(5)). */
export function mappedPath(): string | null {
  for (const line of readFileSync("/proc/self/maps", "utf8").split("\n")) {
    const path = line.slice(line.indexOf("/"));
    if (line.includes("/") && /\/libbpf\.so[^/]*$/.test(path)) return path;
  }
  return null;
}
