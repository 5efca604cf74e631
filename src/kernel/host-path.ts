/**
 * Where the host's files are. Every path below /proc, /sys and /etc that Keyhole reads is made here, so that
 * an agent in a container can look at the host's root wherever that is mounted.
 */
export class HostPath {
  /** As it was given, without a slash at its end; empty for "/". */
  readonly #root: string;
  readonly #proc: string;
  readonly #sys: string;

  /** `root`: an absolute path, e.g. `/` or `/host`. */
  constructor(root = "/") {
    this.#root = root.replace(/\/+$/, "");
    this.#proc = `${this.#root}/proc`;
    this.#sys = `${this.#root}/sys`;
  }

  /** The root itself. */
  get root(): string {
    return this.#root === "" ? "/" : this.#root;
  }

  /** A path below the host's /proc: `proc(812, "ns", "mnt")` is `/proc/812/ns/mnt`. */
  proc(...parts: readonly (string | number)[]): string {
    return append(this.#proc, parts);
  }

  /** A path below the host's /sys. */
  sys(...parts: readonly (string | number)[]): string {
    return append(this.#sys, parts);
  }

  /** A path below the host's root. */
  path(...parts: readonly (string | number)[]): string {
    return parts.length === 0 ? this.root : append(this.#root, parts);
  }
}

function append(base: string, parts: readonly (string | number)[]): string {
  let path = base;
  for (const part of parts) path += `/${part}`;
  return path;
}
