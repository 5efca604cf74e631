import { type Evidence, SEVERITIES, type Severity } from "../../event.js";
import { LINK_INDEX, NS_TYPES, type NsLink, type NsType, typeOfLink } from "../../kernel/links.js";
import type { Act, ActRule } from "../act.js";

export const nsEnterHost: ActRule = {
  id: "ns-enter-host",
  title: "A container's task entered a namespace of the host",
  kind: "act",
  severity: "critical",
  description:
    "A task in a container called setns(2) with a namespace of the host, or with a pidfd of a task that is in " +
    "one. In the host's mount namespace it sees the host's files; in its user namespace it has the host's " +
    "capabilities. A call that the kernel refused is an attempt of low severity.",
  remediation:
    "Find out what the process is. A container needs CAP_SYS_ADMIN and a way to the host's namespaces for this " +
    "(hostPID, a mount of the host's /proc, an inherited file descriptor): take away both.",
  references: [
    "https://man7.org/linux/man-pages/man2/setns.2.html",
    "https://github.com/torvalds/linux/blob/master/kernel/nsproxy.c",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Host Namespaces", "pss:Privileged Containers"],
  needs: ["syscalls"],
  subsumes: [],
  syscalls: ["setns"],
  mayConcern: (call, hostNs) => {
    // Most refused calls name no namespace at all.
    if (call.ret !== 0) return call.ret !== null && call.target !== undefined;
    const { changed } = call;
    if (changed === undefined || changed === null) return true;
    for (const link in changed) {
      const { from, to } = changed[link as NsLink]!;
      if (to.inum === hostNs[LINK_INDEX[typeOfLink(link as NsLink)]] && from?.inum !== to.inum) return true;
    }
    return false;
  },
  evaluate: (act) => {
    const { call } = act;
    if (call.ret === null) return [];
    const types = call.ret === 0 ? entered(act) : wanted(act);
    if (types.length === 0) return [];
    const severities = types.map(severityOf);
    const names = types.join(", ");
    const evidence: Evidence[] = [
      call.ret === 0
        ? { fact: `process ${call.process.pid} is now in the host's ${names} namespace` }
        : {
            fact: `process ${call.process.pid} was refused the host's ${names} namespace: ${call.errno ?? "?"}`,
          },
    ];
    return [
      {
        place: names,
        severity:
          call.ret === 0 ? SEVERITIES.find((severity) => severities.includes(severity))! : ("low" as const),
        evidence,
      },
    ];
  },
};

function severityOf(type: NsType): Severity {
  if (type === "mnt" || type === "user") return "critical";
  return type === "pid" || type === "net" ? "high" : "medium";
}

/** The types of the host's namespaces that the task is in after the call and was not in before. */
function entered({ call, hostNs }: Act): NsType[] {
  return NS_TYPES.filter((type) => {
    const host = hostNs[LINK_INDEX[type]];
    if (host === undefined || host === 0) return false;
    // Where the task was before is not known: what the descriptor referred to has to do.
    if (call.changed === undefined || call.changed === null) return leadsTo(call, type, host);
    return Object.entries(call.changed).some(
      ([link, { from, to }]) =>
        typeOfLink(link as NsLink) === type && to.inum === host && from?.inum !== host,
    );
  });
}

/** The types of the host's namespaces that a refused call asked for and that the task is not in anyway. */
function wanted({ call, hostNs }: Act): NsType[] {
  return NS_TYPES.filter((type) => {
    const host = hostNs[LINK_INDEX[type]];
    if (host === undefined || host === 0 || call.namespaces[type]?.inum === host) return false;
    return leadsTo(call, type, host);
  });
}

/** Whether the descriptor is that of `host`, or of a process in it of which the call wants this namespace. */
function leadsTo({ target, args }: Act["call"], type: NsType, host: number): boolean {
  if (target?.via === "nsfs") return target.type === type && target.inum === host;
  if (target?.via !== "pidfd" || !Array.isArray(args.nstype)) return false;
  return args.nstype.includes(FLAGS[type]) && target.namespaces?.[type]?.inum === host;
}

/** Flags of setns(2), needed with a pidfd. */
const FLAGS: Readonly<Record<NsType, string>> = {
  mnt: "CLONE_NEWNS",
  uts: "CLONE_NEWUTS",
  ipc: "CLONE_NEWIPC",
  net: "CLONE_NEWNET",
  pid: "CLONE_NEWPID",
  user: "CLONE_NEWUSER",
  cgroup: "CLONE_NEWCGROUP",
  time: "CLONE_NEWTIME",
};
