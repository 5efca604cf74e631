import type { Problem } from "../config/problem.js";

/** `problem` as one line: FILE:LINE:COLUMN: what, expected what, found what (hint). */
export function describeProblem({ where, what, expected, found, hint }: Problem): string {
  const wanted = expected === undefined ? "" : `, expected ${expected}`;
  const got = found === undefined ? "" : `, found ${found.replace(/\s*\n\s*/g, " ")}`;
  return `${where}: ${what}${wanted}${got}${hint === undefined ? "" : ` (${hint})`}`;
}
