import type { ContainerRef } from "../event.js";
import type { HostPath } from "../kernel/host-path.js";
import { readRuntimeFile } from "./runtime-file.js";
import { namesOf, namesOfDocker, type RuntimeNames } from "./runtime-names.js";
import { runtimeRoot } from "./runtime-root.js";
import { parseAnnotations } from "./runtime-spec.js";
import { specPlaces } from "./spec-places.js";

interface Known {
  /** As its cgroup tells. */
  readonly found: ContainerRef;
  /** The same with its names, once they are known. */
  container: ContainerRef;
  /** How many more times the runtime's files are looked for. */
  tries: number;
}

/** Ids of Docker, containerd, CRI-O and podman. */
const ID = /^[0-9a-f]{64}$/;

/** A runtime writes its files around the time that it makes the cgroup: soon after that they are there or never will be. */
const TRIES = 3;

/** Keeps no names where they are, nor the names of the images; podman has them in a data base. */
const NAMELESS: ReadonlySet<string | null> = new Set(["lxc", "nspawn", "podman"]);

/** Names containers, their pods and images by what the runtimes keep on the host. Nothing of a container is touched. */
export class ContainerNames {
  readonly #host: HostPath;
  readonly #capacity: number;
  readonly #known = new Map<string, Known>();
  /** Those of which the names may yet become known. */
  readonly #waiting = new Set<Known>();
  #reads = 0;

  constructor(host: HostPath, capacity = 4096) {
    this.#host = runtimeRoot(host);
    this.#capacity = capacity;
  }

  /** How many times the files of runtimes were looked for. */
  get reads(): number {
    return this.#reads;
  }

  /**
   * `found`, which a runtime's cgroup told, with its names where they are known: the same object each time, until
   * {@link again} has found more. Reads one file or a few the first time.
   */
  of(found: ContainerRef): ContainerRef {
    if (!ID.test(found.id) || NAMELESS.has(found.runtime)) return found;
    const before = this.#known.get(found.id);
    if (before !== undefined) {
      if (before.found.runtime === found.runtime && before.found.pod?.uid === found.pod?.uid)
        return before.container;
      this.#forget(before);
    }
    const known: Known = { found, container: found, tries: TRIES };
    this.#known.set(found.id, known);
    this.#waiting.add(known);
    if (this.#known.size > this.#capacity) this.#forget(this.#known.values().next().value!);
    this.#look(known);
    return known.container;
  }

  /** Looks again for files that were not there, of all or of `one`: what has names now, by what it was before. */
  again(one?: ContainerRef): ReadonlyMap<ContainerRef, ContainerRef> {
    const named = new Map<ContainerRef, ContainerRef>();
    for (const known of one === undefined ? [...this.#waiting] : this.#waitingFor(one)) {
      const before = known.container;
      this.#look(known);
      if (known.container !== before) named.set(before, known.container);
    }
    return named;
  }

  #waitingFor({ id }: ContainerRef): Known[] {
    const known = this.#known.get(id);
    return known !== undefined && this.#waiting.has(known) ? [known] : [];
  }

  #look(known: Known): void {
    this.#reads += 1;
    known.tries -= 1;
    const names = this.#read(known.found);
    if (names !== null) known.container = { ...known.found, ...names };
    if (names !== null || known.tries === 0) this.#waiting.delete(known);
  }

  #read(container: ContainerRef): RuntimeNames | null {
    const { id, runtime } = container;
    if (runtime !== "docker") {
      for (const { path, format } of specPlaces(this.#host, id)) {
        const text = readRuntimeFile(path);
        const annotations = text === null ? null : parseAnnotations(text, format);
        const names = annotations === null ? null : namesOf(annotations, container);
        if (names !== null) return names;
      }
    }
    // the cgroup of a pod does not tell whether Docker made it
    if (runtime !== "docker" && runtime !== null) return null;
    const text = readRuntimeFile(this.#host.path("var/lib/docker/containers", id, "config.v2.json"));
    return text === null ? null : namesOfDocker(text, container);
  }

  #forget(known: Known): void {
    this.#known.delete(known.found.id);
    this.#waiting.delete(known);
  }
}
