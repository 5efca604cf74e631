import { readdirSync } from "node:fs";
import type { HostPath } from "../kernel/host-path.js";
import { IdMap, readIdMap } from "../kernel/idmap.js";
import { readNamespaceLink } from "../kernel/nsfs.js";
import { readStatus } from "../kernel/status.js";

/** What a user namespace makes of ids; the outer ones are those of the agent's own user namespace. */
export interface IdMaps {
  readonly uid: IdMap;
  readonly gid: IdMap;
}

/** All 32-bit ids but -1, each as itself. */
const IDENTITY = new IdMap([{ inside: 0, outside: 0, count: 0xffffffff }]);

/** A chain of parents is longer than this only where somebody made it so. */
const MAX_ANCESTORS = 256;

/**
 * The maps of user namespace `inum`; those of the agent's own are the identity here. The kernel shows them only through
 * a process in the namespace: `near` and its ancestors are tried first, then every process. Null when nobody is in it.
 */
export function findIdMaps(host: HostPath, inum: number, near: number): IdMaps | null {
  if (isIn(host, "self", inum)) return { uid: IDENTITY, gid: IDENTITY };
  for (const pid of membersOf(host, inum, near)) {
    const uid = readIdMap(host, pid, "uid");
    const gid = readIdMap(host, pid, "gid");
    // A map is that of the namespace the process is in when its file is opened.
    if (uid !== null && gid !== null && isIn(host, pid, inum)) return { uid, gid };
  }
  return null;
}

function* membersOf(host: HostPath, inum: number, near: number): Generator<number> {
  let pid = near;
  for (let depth = 0; depth < MAX_ANCESTORS && pid > 0; depth++) {
    if (isIn(host, pid, inum)) yield pid;
    pid = readStatus(host, pid)?.ppid ?? 0;
  }
  for (const name of readdirSync(host.proc())) {
    if (/^[0-9]+$/.test(name) && isIn(host, Number(name), inum)) yield Number(name);
  }
}

function isIn(host: HostPath, pid: number | "self", inum: number): boolean {
  const link = readNamespaceLink(host.proc(pid, "ns", "user"));
  return link.ok && link.value === inum;
}
