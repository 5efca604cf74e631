import { readFileSync } from "node:fs";
import type { HostPath } from "./host-path.js";

/** The user names of the host's /etc/passwd (passwd(5)) by uid; the first of several for one uid, as getpwuid(3). */
export function readUserNames(host: HostPath): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  let text: string;
  try {
    text = readFileSync(host.path("etc", "passwd"), "utf8");
  } catch {
    return names;
  }
  for (const line of text.split("\n")) {
    const [name, , uid] = line.split(":", 3);
    if (name === undefined || uid === undefined || !/^[0-9]+$/.test(uid)) continue;
    if (!names.has(Number(uid))) names.set(Number(uid), name);
  }
  return names;
}
