import type { Evidence, Severity } from "../event.js";
import type { ProcfsSuperblock } from "../mounts/superblocks.js";

/** What a rule has to be told by this node to be of use. A rule without one of its facts is inactive. */
export const FACTS = [
  /** The mount tables of containers. */
  "mountinfo",
  /** Which superblock is the host's own /proc. */
  "host-procfs",
  /** The pid namespace of a procfs instance, from BPF; or, less exact, that of the container. */
  "procfs-pid-namespace",
  /** Which pid namespace descends from which. */
  "pid-namespace-tree",
  /** System calls as they happen. */
  "syscalls",
  /** The options of procfs instances before and after a call. */
  "procfs-options",
  /** What a runtime was told about a container: config.json of its bundle, or the CRI. */
  "runtime-spec",
  /** Files that tasks of containers open. */
  "opens",
  /** Mounts from their first call to their end. */
  "stories",
  /** What the descriptors of tasks refer to. */
  "descriptors",
] as const;
export type Fact = (typeof FACTS)[number];

/** What is known of a rule without running it; the catalogue, `keyhole explain` and findings show it. */
export interface RuleInfo {
  readonly id: string;
  readonly title: string;
  readonly kind: "posture" | "act";
  /** The severity in the worst case. */
  readonly severity: Severity;
  /** What the severity of a finding depends on, a sentence; absent where it is always the same. */
  readonly severityDependsOn?: string;
  readonly description: string;
  readonly remediation: string;
  readonly references: readonly string[];
  /** MITRE ATT&CK techniques (`mitre:T1611`) and Pod Security Standard controls (`pss:Host Namespaces`). */
  readonly tags: readonly string[];
  readonly needs: readonly Fact[];
  /** Ids of the rules that say less about the same exposure when this one holds for it. */
  readonly subsumes: readonly string[];
  /** Who is known to do this without harm, and how to tell. Those that ship as exceptions are listed beside these. */
  readonly benign?: readonly string[];
  /** Its condition as it was written, of a rule that is data; absent for a typed detector. */
  readonly condition?: string;
  /** Where it was written, FILE:LINE:COLUMN, of a rule that is data. */
  readonly origin?: string;
}

/** One thing that a rule found. */
export interface Exposure {
  /** What is exposed, a mount point for most: exposures of one place are one exposure. */
  readonly place: string;
  readonly severity: Severity;
  readonly evidence: readonly Evidence[];
}

/** A rule that looks at `Subject` and says what is wrong with it; an empty list when nothing is. */
export interface Rule<Subject> extends RuleInfo {
  evaluate(subject: Subject): readonly Exposure[];
}

/** The options of a procfs superblock changed. */
export interface InstanceChange {
  readonly before: ProcfsSuperblock;
  readonly after: ProcfsSuperblock;
  /** Whether it is the host's own /proc. */
  readonly isHosts: boolean;
}
