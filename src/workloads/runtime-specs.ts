import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import type { ContainerRef } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import type { Task } from "../namespaces/task.js";
import { parseConfig, parseRuncState, type RuntimeSpec } from "./runtime-spec.js";
import { type SpecPlace, specPlaces } from "./spec-places.js";

/** Tells what the runtime was told about a container; the files of runtimes do, and so could the CRI. */
export interface SpecSource {
  /** `task` is the container's first; null where nothing is known. */
  of(container: ContainerRef, task: Task, rootUid: number | null): RuntimeSpec | null;
}

/** Larger than any that a runtime writes: seccomp profiles and mounts make hundreds of thousands of bytes. */
const MAX_BYTES = 4 << 20;

/** Reads the specifications that runtimes keep on the host, each once. Nothing of a container is touched. */
export class RuntimeSpecs implements SpecSource {
  readonly #host: HostPath;
  readonly #capacity: number;
  /** By container and first task; a runtime does not change what it was told. */
  readonly #known = new Map<string, RuntimeSpec>();

  constructor(host: HostPath, capacity = 4096) {
    this.#host = host;
    this.#capacity = capacity;
  }

  of({ id }: ContainerRef, task: Task, rootUid: number | null): RuntimeSpec | null {
    const key = `${id} ${task.pid} ${task.start}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    for (const place of specPlaces(this.#host, id, rootUid)) {
      const spec = read(place, task.pid);
      if (spec === null) continue;
      this.#known.set(key, spec);
      if (this.#known.size > this.#capacity) this.#known.delete(this.#known.keys().next().value!);
      return spec;
    }
    return null;
  }
}

function read({ path, format, owner }: SpecPlace, pid: number): RuntimeSpec | null {
  const text = readOwned(path, owner);
  if (text === null) return null;
  return format === "config" ? parseConfig(text, path) : parseRuncState(text, path, pid);
}

/** The text of a regular file of the host's root or `owner`; null where it is not there, or is not such a file. */
function readOwned(path: string, owner: number): string | null {
  let fd: number;
  try {
    // nothing that blocks, whatever stands there
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch {
    return null;
  }
  try {
    const status = fstatSync(fd);
    if (!status.isFile() || status.size > MAX_BYTES || (status.uid !== 0 && status.uid !== owner))
      return null;
    const bytes = Buffer.alloc(status.size);
    return bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.length, 0));
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}
