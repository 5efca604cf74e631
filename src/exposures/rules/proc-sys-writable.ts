import { writablePaths } from "../../mounts/pseudo-view.js";
import type { ContainerView } from "../container-view.js";
import { mountEvidence, placesOf, userEvidence } from "../evidence.js";
import type { Rule } from "../rule.js";

export const procSysWritable: Rule<ContainerView> = {
  id: "proc-sys-writable",
  title: "The host's sysctls are writable in the container",
  kind: "posture",
  severity: "critical",
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
  subsumes: ["proc-readonly-missing"],
  evaluate: (container) => {
    if (!container.realRoot) return [];
    return container.procfs.flatMap((view) => {
      const paths = writablePaths(view, "/sys").filter((path) => !NAMESPACED.test(path));
      if (paths.length === 0) return [];
      return {
        place: view.point,
        severity: "critical" as const,
        evidence: [
          mountEvidence(container, view),
          {
            fact: `writable: ${placesOf(view, paths)}`,
            check: `grep ' - proc ' /proc/${container.task.pid}/mountinfo`,
          },
          userEvidence(container),
        ],
      };
    });
  },
};

/** Parts that belong to the container's own network, IPC or user namespace (namespaces(7)). */
const NAMESPACED = /^\/sys\/(?:net|fs\/mqueue|user)(?:\/|$)|^\/sys\/kernel\/(?:msg[^/]*|shm[^/]*|sem)$/;
