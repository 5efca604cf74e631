import { readFileSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import koffi, { type LibraryHandle } from "koffi";
import { LibbpfError } from "./errors.js";
import {
  type Candidate,
  candidates,
  type LibbpfSource,
  mappedPath,
  notFound,
  platformPackage,
} from "./find.js";
import { Library } from "./library.js";
import { BpfObject } from "./object.js";

/** The libbpf of this process. */
export interface Libbpf {
  /** The shared object, symbolic links resolved. */
  readonly path: string;
  readonly source: LibbpfSource;
  /** `1.1`, or `1.1.2` where the file or its package says so. */
  readonly version: string;
  /** The places that were tried before this one and why they did not serve, one a line; usually empty. */
  readonly skipped: readonly string[];
  /**
   * Parses a BPF object: a file's path or its bytes. `name` is the object's name in messages and in the names
   * of its .rodata, .data and .bss maps; the file's name unless it is given. Throws LIBBPF_OPEN.
   */
  open(file: string | Uint8Array, options?: { name?: string }): BpfObject;
}

interface Loaded {
  readonly library: Library;
  readonly libbpf: Libbpf;
}

let loaded: Loaded | undefined;

/**
 * Finds and loads libbpf, once a process: what `KEYHOLE_LIBBPF` names, the platform package's, the system's
 * `libbpf.so.1`, in this order. Needs no privilege. Throws LIBBPF_NOT_FOUND, LIBBPF_UNTRUSTED and
 * LIBBPF_UNSUPPORTED.
 */
export function loadLibbpf(): Libbpf {
  loaded ??= load();
  return loaded.libbpf;
}

/** The number of processors that the kernel could ever bring up: the values in an element of a per-CPU map. */
export function possibleCpus(): number {
  return theLibrary().possibleCpus();
}

/** The loaded library itself, for this package's other files. */
export function theLibrary(): Library {
  loaded ??= load();
  return loaded.library;
}

function load(): Loaded {
  const skipped: string[] = [];
  const places = candidates();
  if (places[0]?.source === "system")
    skipped.push(`package ${platformPackage()}: not installed, or without its binary`);
  for (const place of places) {
    let handle: LibraryHandle;
    try {
      handle = koffi.load(place.file);
    } catch (error) {
      skipped.push(`${place.source} ${place.file}: ${(error as Error).message}`);
      continue;
    }
    return describe(place, handle, skipped);
  }
  throw notFound(skipped);
}

function describe(place: Candidate, handle: LibraryHandle, skipped: readonly string[]): Loaded {
  const path = place.source === "system" ? (mappedPath() ?? place.file) : realpathSync(place.file);
  const library = declare(path, handle);
  const says = library.functions.version_string().replace(/^v/, "");
  const libbpf: Libbpf = {
    path,
    source: place.source,
    version: exactVersion(place, path, says),
    skipped,
    open: (file, options) => BpfObject.open(library, file, options?.name),
  };
  return { library, libbpf };
}

/** Libraries before 1.0 lack functions, or have them report errors in another way. */
function declare(path: string, handle: LibraryHandle): Library {
  let library: Library | undefined;
  let cause: unknown;
  try {
    library = new Library(handle);
  } catch (error) {
    cause = error;
  }
  if (library !== undefined && library.functions.major_version() >= 1) return library;
  throw new LibbpfError("LIBBPF_UNSUPPORTED", `${path} is not libbpf 1.0 or newer`, { cause });
}

/** libbpf itself knows no patch level; the file's name or the platform package's versions.json does. */
function exactVersion(place: Candidate, path: string, says: string): string {
  const fromName = /\.so\.(\d+\.\d+\.\d+)$/.exec(path)?.[1];
  const exact = fromName ?? (place.source === "package" ? packagedVersion() : undefined);
  return exact?.startsWith(`${says}.`) ? exact : says;
}

function packagedVersion(): string | undefined {
  const file = createRequire(import.meta.url).resolve(`${platformPackage()}/versions`);
  const versions = JSON.parse(readFileSync(file, "utf8")) as { libbpf?: string };
  return versions.libbpf;
}
