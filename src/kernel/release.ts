import { release } from "node:os";

const [MAJOR = 0, MINOR = 0] = release().split(/[.-]/).map(Number);

/**
 * Whether this kernel is Linux `major`.`minor` or newer. What came with that release can be in an older one too, which
 * a distribution brought it to.
 */
export function isSince(major: number, minor: number): boolean {
  return MAJOR > major || (MAJOR === major && MINOR >= minor);
}
