import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import koffi from "koffi";
import { errnoName } from "../../../src/kernel/errno.js";

/**
 * Mounts a procfs with each of the option strings that stdin has as a JSON list, in a mount namespace of its
 * own (made by the caller), and prints for each the errno of mount(2) or the line of mountinfo, as JSON.
 */
const mount = koffi
  .load(null)
  .func("int mount(const char *source, const char *target, const char *type, ulong flags, const char *data)");
const umount = koffi.load(null).func("int umount(const char *target)");

const directory = mkdtempSync(join(tmpdir(), "keyhole-"));
const answers = (JSON.parse(readFileSync(0, "utf8")) as string[]).map((data) => {
  if (mount("proc", directory, "proc", 0, data) !== 0)
    return { data, errno: errnoName(koffi.errno()), line: null };
  const line = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .find((candidate) => candidate.includes(` ${directory} `));
  umount(directory);
  return { data, errno: null, line };
});
console.log(JSON.stringify({ directory, answers }));
