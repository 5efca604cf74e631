import { homedir } from "node:os";
import { join } from "node:path";

/**
 * A folder of the user's cache (XDG Base Directory Specification) for what the tests fetch once and keep
 * between runs, outside the repository.
 * @param {string} name
 */
export function cachePath(name) {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "keyhole", name);
}
