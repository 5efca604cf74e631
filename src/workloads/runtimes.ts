import { LINK_INDEX, type NsInums } from "../kernel/links.js";
import type { Origin } from "./origins.js";

/** Executables that set containers up, and the sealed copies of themselves that they run from. */
const RUNTIME = /(?:^|\/)(?:runc|crun|youki|memfd:runc_cloned:\/proc\/self\/exe)(?: \(deleted\))?$/;

/** What is known of a process and of its parent. */
export interface Lineage {
  readonly exe: string | null;
  readonly parentExe: string | null;
  /** Null where they are not known. */
  readonly parentNs: NsInums | null;
  /** Where its program was started; null or absent where that is not known. */
  readonly origin?: Origin | null;
}

/**
 * Whether it is a process of the host that makes a container ready, or looks after one: its program was started on the
 * host (see {@link Origins}). Of a process whose start was not seen it takes more: it and its parent run a runtime, and
 * the parent is in the host's mount namespace. By the names alone a container could pass for one, since it chooses the
 * paths of its files.
 */
export function isRuntimeAtWork(
  { exe, parentExe, parentNs, origin = null }: Lineage,
  hostNs: NsInums,
): boolean {
  if (origin !== null) return origin === "host";
  if (exe === null || parentExe === null || !RUNTIME.test(exe) || !RUNTIME.test(parentExe)) return false;
  return parentNs === null || parentNs[LINK_INDEX.mnt] === hostNs[LINK_INDEX.mnt];
}

/** Whether the name of this executable, one of the host, is that of a runtime. */
export function isRuntimeName(exe: string | null): boolean {
  return exe !== null && RUNTIME.test(exe);
}
