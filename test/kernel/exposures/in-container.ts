import { readFileSync } from "node:fs";

/** The mount at the root of a process: device and directory, as mountinfo has them. */
function rootOf(pid: number | "self"): string | undefined {
  return / (\d+:\d+ \S+) \/ /.exec(readFileSync(`/proc/${pid}/mountinfo`, "utf8"))?.[1];
}

/**
 * Why tests are skipped that are themselves in a container: what a runtime does there is an act of that container, and is
 * told so. False where they are not.
 */
export const IN_CONTAINER =
  rootOf("self") === rootOf(1) ? false : "these tests run in a container, where runtimes are nobody's set-up";
