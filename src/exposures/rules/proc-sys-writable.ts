import { pointOf, writablePaths } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { userEvidence } from "../evidence.js";
import { expectationEvidence } from "../expected-paths.js";
import { pathSeverity } from "../path-severity.js";
import type { Rule } from "../rule.js";

export const procSysWritable: Rule<ContainerView> = {
  id: "proc-sys-writable",
  title: "The host's sysctls are writable in the container",
  kind: "posture",
  severity: "critical",
  severityDependsOn: "The worst that the catalogue says of writing a sysctl of the part that is writable.",
  description:
    "/proc/sys, or a global part of it, is mounted writable and the container's root is the host's root. The " +
    "kernel checks the file's mode and not a capability for most of it: kernel/core_pattern, which names a " +
    "program that the kernel runs as the host's root, opens for writing with an empty capability set.",
  remediation:
    "Keep /proc/sys among the read-only paths (no privileged containers, procMount: Default), or run the " +
    "container in a user namespace. Set single sysctls through the pod's securityContext.sysctls.",
  references: [
    "https://docs.kernel.org/admin-guide/sysctl/kernel.html#core-pattern",
    "https://github.com/torvalds/linux/blob/master/fs/proc/proc_sysctl.c",
    "https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/",
    "https://attack.mitre.org/techniques/T1611/",
  ],
  tags: ["mitre:T1611", "pss:/proc Mount Type", "pss:Privileged Containers"],
  needs: ["mountinfo"],
  subsumes: ["proc-readonly-missing", "proc-unknown-entry"],
  benign: [
    "kube-proxy and CNI agents, which are privileged to set the sysctls of the host's network namespace.",
    "Privileged system pods; LXC, which makes /proc/sys/net writable only.",
  ],
  evaluate: (container) => {
    if (!container.realRoot) return [];
    const asked = container.spec?.readonly.includes("/proc/sys") ?? null;
    return container.procfs.flatMap((view) => {
      const paths = writablePaths(view, "/sys").filter(isGlobalSysctl);
      return paths.map((path) => {
        const { severity, effect } = pathSeverity(container, "proc", path, ["write"]);
        const place = pointOf(view, path);
        return {
          place,
          severity,
          evidence: [
            {
              fact: `writable: ${place}${effect === "" ? "" : ` (${effect})`}`,
              check: `grep ' - proc ' /proc/${container.task.pid}/mountinfo`,
            },
            expectationEvidence(container, asked),
            userEvidence(container),
          ],
        };
      });
    });
  },
};

/** Whether a path of procfs is, or has below it, more than what belongs to a network, IPC or user namespace (namespaces(7)). */
export function isGlobalSysctl(path: string): boolean {
  return !/^\/sys\/(?:net|fs\/mqueue|user)(?:\/|$)|^\/sys\/kernel\/(?:msg[^/]*|shm[^/]*|sem)$/.test(path);
}
