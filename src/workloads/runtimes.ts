/** Executables that set containers up, and the sealed copies of themselves that they run from. */
const RUNTIME = /(?:^|\/)(?:runc|crun|youki|memfd:runc_cloned:\/proc\/self\/exe)(?: \(deleted\))?$/;

/** Is `exe` the path of a container runtime? A container chooses the paths of its own files: no proof alone. */
export function isRuntimePath(exe: string | null): boolean {
  return exe !== null && RUNTIME.test(exe);
}
