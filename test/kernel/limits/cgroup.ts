import assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

/** Where a process can be put: the unified hierarchy, and that of the v1 memory controller. */
const HIERARCHIES = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/memory", "/sys/fs/cgroup"];

/** A cgroup of the test's own, on each hierarchy that there is. */
export class Cgroup {
  /** Below the root of each hierarchy. */
  readonly path: string;
  readonly #folders: readonly string[];

  constructor(path: string) {
    this.path = path;
    const roots = HIERARCHIES.filter((root) => existsSync(join(root, "cgroup.procs")));
    assert.ok(roots.length > 0, "no cgroup hierarchy is mounted");
    this.#folders = roots.map((root) => join(root, path));
    for (const folder of this.#folders) mkdirSync(folder);
  }

  /** A command that enters the cgroup and becomes `command`. */
  command(command: readonly string[]): [string, ...string[]] {
    const enter = this.#folders.map((folder) => `echo $$ >${folder}/cgroup.procs`).join(" && ");
    return ["sh", "-c", `${enter} && exec "$@"`, "sh", ...command];
  }

  /** Removes it, once its processes have ended. */
  async remove(): Promise<void> {
    for (const folder of this.#folders) {
      while (readFileSync(join(folder, "cgroup.procs"), "utf8") !== "") await setTimeout(10);
      rmdirSync(folder);
    }
  }
}
