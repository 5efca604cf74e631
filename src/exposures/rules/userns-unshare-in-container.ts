import type { Evidence, NamespaceRef } from "../../event.js";
import { type Act, type ActRule, hasFlag, isByRuntime, isInUserNs, whoCalled } from "../act.js";
import type { Slot } from "../memory.js";
import type { Exposure } from "../rule.js";

/** A user namespace that a container's task made. */
interface Made {
  isMade: boolean;
  isTold: boolean;
}

const MADE: Slot<Made> = {
  name: "userns-unshare-in-container",
  fresh: () => ({ isMade: false, isTold: false }),
};

/** Calls by which the capabilities of a user namespace are put to use on mounts. */
const MOUNTS = ["mount", "fsmount", "move_mount", "open_tree"] as const;

export const usernsUnshareInContainer: ActRule = {
  id: "userns-unshare-in-container",
  title: "A container made a user namespace",
  kind: "act",
  severity: "medium",
  severityDependsOn: "low; medium once somebody in the new user namespace mounts something",
  description:
    "A task in a container made a user namespace by unshare(2) or clone(2), in which it has every capability over what " +
    "it makes. That is no way out by itself, but it opens parts of the kernel to it that only root reaches otherwise, " +
    "mounts first of all: most escapes by faults of the kernel begin so.",
  remediation:
    "Use the runtime's seccomp profile, which refuses it without CAP_SYS_ADMIN (seccompProfile: RuntimeDefault), or " +
    "set user.max_user_namespaces to 0 in containers that need none.",
  references: [
    "https://man7.org/linux/man-pages/man7/user_namespaces.7.html",
    "https://attack.mitre.org/techniques/T1611/",
    "https://attack.mitre.org/techniques/T1068/",
  ],
  tags: ["mitre:T1611", "mitre:T1068", "pss:Seccomp"],
  needs: ["syscalls"],
  subsumes: [],
  benign: ["builders without privileges (buildah, podman, buildkit) and browsers' sandboxes"],
  syscalls: ["unshare", "clone", "clone3", ...MOUNTS],
  mayConcern: ({ ret }) => ret !== null && ret >= 0,
  evaluate: (act) => {
    const { call } = act;
    return isMountCall(call.syscall) ? mounted(act) : made(act);
  },
};

function isMountCall(syscall: string): boolean {
  return (MOUNTS as readonly string[]).includes(syscall);
}

function made(act: Act): Exposure[] {
  const { call } = act;
  const user = newUserNs(act);
  if (user === null) return [];
  if (isByRuntime(act)) {
    act.suppress("runtime-setup");
    return [];
  }
  const known = act.recall(MADE, nameOf(user));
  known.isMade = true;
  known.isTold = false;
  return found("low", { fact: `${whoCalled(call)} made the user namespace ${user.inum} by ${call.syscall}` });
}

/** The user namespace that the call made: of its caller, or of its child. */
function newUserNs({ call }: Act): NamespaceRef | null {
  if (call.syscall === "unshare") {
    return hasFlag(call, "flags", "CLONE_NEWUSER") ? (call.namespaces.user ?? null) : null;
  }
  const child = call.outcome?.child;
  return child?.flags.includes("CLONE_NEWUSER") === true ? (child.namespaces.user ?? null) : null;
}

function mounted(act: Act): Exposure[] {
  const { call } = act;
  const { user } = call.namespaces;
  if (user === undefined || !isInUserNs(act)) return [];
  if (call.syscall === "open_tree" && !hasFlag(call, "flags", "OPEN_TREE_CLONE")) return [];
  const known = act.recall(MADE, nameOf(user));
  if (!known.isMade || known.isTold) return [];
  known.isTold = true;
  return found("medium", {
    fact: `${whoCalled(call)} mounts by ${call.syscall} in the user namespace ${user.inum}, which the container made`,
    check: `cat /proc/${call.process.pid}/mountinfo`,
  });
}

function found(severity: "low" | "medium", evidence: Evidence): Exposure[] {
  return [{ place: "userns", severity, evidence: [evidence] }];
}

function nameOf({ inum, id }: NamespaceRef): string {
  return id ?? String(inum);
}
