import { readdirSync } from "node:fs";
import type { HostPath } from "../kernel/host-path.js";
import { readlink } from "../kernel/libc.js";
import { NS_TYPES, type NsType } from "../kernel/links.js";
import type { NsFile, OpenFiles } from "./open-files.js";

/** What a namespace file is called, whatever its path: `net:[4026531840]` (ns_dname(), fs/nsfs.c). */
export function readNsName(name: string): { readonly type: NsType; readonly inum: number } | null {
  const [, prefix, inum] = /^([a-z]+):\[(\d+)\]$/.exec(name) ?? [];
  const type = NS_TYPES.find((candidate) => candidate === prefix);
  return type === undefined ? null : { type, inum: Number(inum) };
}

/**
 * The open namespace files of all processes but this one, from the links of /proc/PID/fd, none of which is followed.
 * For where there is no BPF: sockets and procfs mounts are not told, nor what the namespaces are.
 */
export function readProcOpenFiles(host: HostPath): OpenFiles {
  const ns: NsFile[] = [];
  for (const process of readdirSync(host.proc())) {
    const pid = Number(process);
    if (!Number.isInteger(pid) || pid === globalThis.process.pid) continue;
    for (const fd of descriptors(host, pid)) {
      const link = readlink(host.proc(pid, "fd", fd));
      const name = link.ok ? readNsName(link.value) : null;
      if (name !== null) ns.push({ pid, fd: Number(fd), ...name, id: null, socket: false });
    }
  }
  return { ns, procfs: [], namespaces: [], skipped: 0 };
}

/** None when the process is gone or may not be looked into. */
function descriptors(host: HostPath, pid: number): string[] {
  try {
    return readdirSync(host.proc(pid, "fd"));
  } catch {
    return [];
  }
}
