import type { Cover } from "../mounts/pseudo-view.js";
import type { ContainerProcfs } from "./container-view.js";

/** What mounts do to a path of a procfs. */
export interface CoverState {
  readonly hidden: boolean;
  readonly readonly: boolean;
  readonly why: string;
}

/** What is mounted on the paths of one procfs. */
export class Covers {
  readonly #byPath: ReadonlyMap<string, Cover>;
  readonly #base: CoverState;

  constructor(procfs: ContainerProcfs) {
    this.#byPath = new Map(procfs.covers.map((cover) => [cover.path, cover]));
    const why = procfs.readonly ? `read-only at ${procfs.point}` : "";
    this.#base = { hidden: false, readonly: procfs.readonly, why };
  }

  /** Whether something below `directory` is mounted writable again. */
  hasWritableBelow(directory: string): boolean {
    for (const { path, kind } of this.#byPath.values())
      if (kind === "writable" && path.startsWith(`${directory}/`)) return true;
    return false;
  }

  /** What the innermost mount over `path` does to it. */
  over(path: string): CoverState {
    for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
      const cover = this.#byPath.get(path.slice(0, end));
      if (cover !== undefined) return stateOf(cover);
    }
    return this.#base;
  }
}

function stateOf({ kind, path, mount }: Cover): CoverState {
  switch (kind) {
    case "mask":
      return { hidden: true, readonly: true, why: `masked at ${path}` };
    case "readonly":
      return { hidden: false, readonly: true, why: `read-only at ${path}` };
    case "writable":
      return { hidden: false, readonly: false, why: "" };
    case "other":
      return { hidden: true, readonly: true, why: `${mount.fsType} is mounted on ${path}` };
  }
}
