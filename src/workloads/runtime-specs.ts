import type { ContainerRef } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import type { Task } from "../namespaces/task.js";
import { readRuntimeFile } from "./runtime-file.js";
import { runtimeRoot } from "./runtime-root.js";
import { parseSpec, type RuntimeSpec } from "./runtime-spec.js";
import { type SpecPlace, specPlaces } from "./spec-places.js";

/** Tells what the runtime was told about a container; the files of runtimes do, and so could the CRI. */
export interface SpecSource {
  /** `task` is the container's first; null where nothing is known. */
  of(container: ContainerRef, task: Task): RuntimeSpec | null;
}

/** Reads the specifications that runtimes keep on the host, each once. Nothing of a container is touched. */
export class RuntimeSpecs implements SpecSource {
  readonly #host: HostPath;
  readonly #capacity: number;
  /** By container and first task; a runtime does not change what it was told. */
  readonly #known = new Map<string, RuntimeSpec>();

  constructor(host: HostPath, capacity = 4096) {
    this.#host = runtimeRoot(host);
    this.#capacity = capacity;
  }

  of({ id }: ContainerRef, task: Task): RuntimeSpec | null {
    const key = `${id} ${task.pid} ${task.start}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    for (const place of specPlaces(this.#host, id)) {
      const spec = read(place, task.pid);
      if (spec === null) continue;
      this.#known.set(key, spec);
      if (this.#known.size > this.#capacity) this.#known.delete(this.#known.keys().next().value!);
      return spec;
    }
    return null;
  }
}

function read(place: SpecPlace, pid: number): RuntimeSpec | null {
  const text = readRuntimeFile(place.path);
  return text === null ? null : parseSpec(text, place, pid);
}
