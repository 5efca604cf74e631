import type { PseudoView } from "../../mounts/pseudo-view.js";

/** Whether `view` has directories of processes: the whole of procfs has, a bind of /proc/sys has not. */
export function showsProcesses(view: PseudoView): boolean {
  return view.root === "/" || /^\/[0-9]/.test(view.root);
}
