/** The eight namespace types, named as in /proc/PID/ns, in the order of the wire format. */
export const NS_TYPES = ["mnt", "uts", "ipc", "net", "pid", "user", "cgroup", "time"] as const;
export type NsType = (typeof NS_TYPES)[number];

/** The flag of setns(2), unshare(2) and clone(2) for each type. */
export const NS_FLAGS: Readonly<Record<NsType, string>> = {
  mnt: "CLONE_NEWNS",
  uts: "CLONE_NEWUTS",
  ipc: "CLONE_NEWIPC",
  net: "CLONE_NEWNET",
  pid: "CLONE_NEWPID",
  user: "CLONE_NEWUSER",
  cgroup: "CLONE_NEWCGROUP",
  time: "CLONE_NEWTIME",
};

/**
 * The ten namespace links of a task: its eight namespaces, then the two that its children will be born
 * into (namespaces(7), /proc/PID/ns/{pid,time}_for_children). The order is that of `ns[]` in bpf/event.h.
 */
export const NS_LINKS = [...NS_TYPES, "pid_for_children", "time_for_children"] as const;
export type NsLink = (typeof NS_LINKS)[number];

/** One inode number per entry of {@link NS_LINKS}; 0 where it is not known. */
export type NsInums = readonly number[];

/** The type of namespace that `link` points at. */
export function typeOfLink(link: NsLink): NsType {
  if (link === "pid_for_children") return "pid";
  if (link === "time_for_children") return "time";
  return link;
}

/** Index into {@link NsInums} by link name. */
export const LINK_INDEX: Readonly<Record<NsLink, number>> = Object.fromEntries(
  NS_LINKS.map((link, index) => [link, index]),
) as Record<NsLink, number>;
