import { LINK_INDEX, type NsInums } from "../kernel/links.js";

/** Executables that set containers up, and the sealed copies of themselves that they run from. */
const RUNTIME = /(?:^|\/)(?:runc|crun|youki|memfd:runc_cloned:\/proc\/self\/exe)(?: \(deleted\))?$/;

/** What is known of a process and of its parent. */
export interface Lineage {
  readonly exe: string | null;
  readonly parentExe: string | null;
  /** Null where they are not known. */
  readonly parentNs: NsInums | null;
}

/**
 * Whether it is a runtime's process that makes a container ready: it and its parent run a runtime, and the parent
 * is in the host's mount namespace. By the names alone a container could pass for one: it chooses the paths of
 * its files, but nobody's child in the host's mount namespace does its bidding.
 */
export function isRuntimeAtWork({ exe, parentExe, parentNs }: Lineage, hostNs: NsInums): boolean {
  if (exe === null || parentExe === null || !RUNTIME.test(exe) || !RUNTIME.test(parentExe)) return false;
  return parentNs === null || parentNs[LINK_INDEX.mnt] === hostNs[LINK_INDEX.mnt];
}
