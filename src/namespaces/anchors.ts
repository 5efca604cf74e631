import { readFileSync } from "node:fs";
import type { HostPath } from "../kernel/host-path.js";
import { NS_LINKS, type NsInums, type NsLink, typeOfLink } from "../kernel/links.js";
import { INIT_PID_NS } from "../kernel/privileges.js";
import { readNamespaces } from "../kernel/proc-tasks.js";

/** The namespaces that others are judged against; 0 for each that is not known. */
export interface Anchors {
  /** Those of the host root the agent was pointed at: of the process with pid 1 in its /proc. */
  readonly host: NsInums;
  /** The kernel's own initial ones. */
  readonly init: NsInums;
}

/**
 * Inode numbers of the initial namespaces, include/linux/proc_ns.h (include/uapi/linux/nsfs.h since 6.18).
 * Those of mnt and net are fixed since Linux 6.17 only; before, they are what kthreadd's links show.
 */
const FIXED_INUMS: Readonly<Record<string, number>> = {
  ipc: 0xefffffff,
  uts: 0xeffffffe,
  user: 0xeffffffd,
  pid: INIT_PID_NS,
  cgroup: 0xeffffffb,
  time: 0xeffffffa,
};

/** Pid 1 is init and pid 2 is kthreadd in the initial pid namespace (rest_init() of init/main.c). */
const INIT_PID = 1;
const KTHREADD_PID = 2;

/**
 * Reads both from the host's /proc. Where pid 1 may not be read (EACCES: it has capabilities that the agent
 * lacks, ptrace(2) "Ptrace access mode checking"), the host's are taken to be the initial ones.
 */
export function readAnchors(host: HostPath): Anchors {
  const init = readInit(host);
  const ofPid1 = readNamespaces(host, INIT_PID);
  return { host: ofPid1.map((inum, index) => inum || init[index]!), init };
}

function readInit(host: HostPath): NsInums {
  const links = readNamespaces(host, KTHREADD_PID);
  // Kernel threads stay in the namespaces the kernel started with.
  const trusted = isKthreadd(host) && links[NS_LINKS.indexOf("pid")] === INIT_PID_NS;
  return NS_LINKS.map(
    (link: NsLink, index) => (trusted && links[index]) || (FIXED_INUMS[typeOfLink(link)] ?? 0),
  );
}

/** In any other pid namespace, pid 2 is somebody's process that can call itself what it likes. */
function isKthreadd(host: HostPath): boolean {
  try {
    return /^2 \(kthreadd\) \S 0 /.test(readFileSync(host.proc(KTHREADD_PID, "stat"), "latin1"));
  } catch {
    return false;
  }
}
