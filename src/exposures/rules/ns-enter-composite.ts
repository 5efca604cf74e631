import type { NsType } from "../../kernel/links.js";
import { type Act, type ActRule, whoCalled } from "../act.js";
import type { Slot } from "../memory.js";
import { entered, enteredOfHost } from "./setns-types.js";

/** What one task entered lately. */
interface Entered {
  /** When it entered each type last, in milliseconds since the epoch. */
  readonly at: Map<NsType, number>;
  /** … and when it last entered one of the host, or of a process that is not below its own. */
  host: number;
  outside: number;
}

const ENTERED: Slot<Entered> = {
  name: "ns-enter-composite",
  fresh: () => ({ at: new Map(), host: Number.NEGATIVE_INFINITY, outside: Number.NEGATIVE_INFINITY }),
};

/** Calls so far apart belong together, in milliseconds. */
const WITHIN_MS = 1_000;
/** As many types make a whole. */
const MANY = 4;
const WHOLE: readonly NsType[] = ["user", "mnt", "pid"];

export const nsEnterComposite: ActRule = {
  id: "ns-enter-composite",
  title: "A container's task moved to another place altogether",
  kind: "act",
  severity: "critical",
  severityDependsOn:
    "critical where one of the namespaces is the host's, high where they are another container's",
  description:
    "Within a second one task entered the user, mount and pid namespaces of others, or four types of namespaces or " +
    "more, as `nsenter --target 1 --all` does: it has left its container for the host, or for another container.",
  remediation:
    "End the process and look at what it did since. Take from the container what made it possible: CAP_SYS_ADMIN, " +
    "and the way to others' namespaces (hostPID, a mount of the host's /proc).",
  references: [
    "https://man7.org/linux/man-pages/man1/nsenter.1.html",
    "https://man7.org/linux/man-pages/man2/setns.2.html",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:Host Namespaces", "pss:Privileged Containers"],
  needs: ["syscalls"],
  subsumes: ["ns-enter-pidfd-foreign", "ns-enter-host"],
  benign: [
    "a node shell for debugging (kubectl debug node with nsenter) does just this: spare it by image, in the namespaces where it is used",
    "a runtime within a container enters the containers that it made: their pid namespaces are below its own",
  ],
  syscalls: ["setns"],
  mayConcern: ({ ret, changed }) => ret === 0 && Object.keys(changed ?? {}).length > 0,
  evaluate: (act) => {
    const { call } = act;
    if (call.ret !== 0) return [];
    const types = entered(call);
    if (types.length === 0) return [];
    const { pid, tid, start } = call.process;
    const known = act.recall(ENTERED, `${pid}:${tid}:${start}`);
    const now = Date.parse(call.time);
    const wasWhole = isWhole(recent(known, now));
    for (const type of types) known.at.set(type, now);
    if (enteredOfHost(act).length > 0) known.host = now;
    if (leadsOutside(call, types)) known.outside = now;
    const all = recent(known, now);
    const isOutside = now - Math.max(known.host, known.outside) <= WITHIN_MS;
    if (wasWhole || !isWhole(all) || !isOutside) return [];
    const isHosts = now - known.host <= WITHIN_MS;
    return [
      {
        place: "setns",
        severity: isHosts ? "critical" : "high",
        evidence: [
          {
            fact: `${whoCalled(call)} entered the ${all.join(", ")} namespaces of ${isHosts ? "the host" : "another container"} within a second`,
            check: `ls -l /proc/${pid}/ns /proc/1/ns`,
          },
        ],
      },
    ];
  },
};

function recent({ at }: Entered, now: number): NsType[] {
  return [...at].filter(([, time]) => now - time <= WITHIN_MS).map(([type]) => type);
}

function isWhole(types: readonly NsType[]): boolean {
  return types.length >= MANY || WHOLE.every((type) => types.includes(type));
}

/** Pid and user namespaces alone lie in trees: of the other types nobody can say whose they are. */
function leadsOutside({ direction }: Act["call"], types: readonly NsType[]): boolean {
  if (direction === "container-to-host" || direction === "to-ancestor") return true;
  return direction === "to-sibling" && (types.includes("pid") || types.includes("user"));
}
