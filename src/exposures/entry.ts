import type { Severity } from "../event.js";
import type { CapabilityName } from "./capabilities.js";

/**
 * Who tries: a uid that is the host's root; uid 0 of a user namespace in which that is no uid of the host's root; anybody
 * else.
 */
export type SubjectClass = "host_root" | "userns_root" | "other";

/** What reading or writing an entry gives. */
export interface EntryAccess {
  readonly effect: string;
  /** Capabilities without which the kernel refuses, all of them; in the initial user namespace unless `capability_of` is there. */
  readonly requires?: readonly CapabilityName[];
  /** The capabilities are wanted in the user namespace that owns the namespace of the entry's scope. */
  readonly capability_of?: "pid";
  /** Writes are taken although no bit of the mode allows them: CAP_DAC_OVERRIDE is enough. */
  readonly override?: boolean;
  /** By who tries; who is not in it is refused by the kernel. */
  readonly severity: { readonly [subject in SubjectClass]?: Severity };
  /** More severe for whoever has this capability in the initial user namespace. */
  readonly raised?: { readonly by: CapabilityName; readonly to: Severity };
  /** Instead, where the namespace of the scope is the host's. */
  readonly shared?: Severity;
}

/** One exposure that a pseudo file system can be, with the paths that are it. */
export interface Entry {
  readonly id: string;
  /** The type of the file system; paths of `proc` are those within it, of others those where it usually is. */
  readonly fs: string;
  /** `*` stands for any name, `**` for any names, `[pid]` for the directory of a process. */
  readonly paths: readonly string[];
  /** What it belongs to: the whole host, a process, or a namespace of the reader. */
  readonly scope: "global" | "process" | "pid" | "ipc" | "net" | "user" | "uts" | "mnt" | "cgroup";
  /** What runtimes do about it unless they are told otherwise. */
  readonly default: "masked" | "masked-by-some" | "readonly" | "open" | "not-mounted";
  /** How the kernel decides about a sysctl, where that is not by owner and mode alone. */
  readonly permissions?: "net" | "ipc" | "ipc-checkpoint" | "user" | "pid";
  /** What the kernel asks before it opens an entry of another process. */
  readonly gate?: "ptrace" | "owner" | "own" | "none";
  /** What a kernel must be to have it. */
  readonly kernel?: {
    readonly config?: string;
    readonly unless?: string;
    readonly lockdown?: "integrity" | "confidentiality";
    readonly arch?: readonly string[];
  };
  readonly read?: EntryAccess;
  readonly write?: EntryAccess;
  readonly references: readonly string[];
}

/** How severe an access is for somebody of that class; null where the kernel refuses it. */
export function classSeverity(access: EntryAccess | undefined, subject: SubjectClass): Severity | null {
  return access?.severity[subject] ?? null;
}

/** Names at the top of procfs, and where and until when the kernel has them. */
export interface KnownNames {
  readonly names: readonly string[];
  readonly until?: string;
  readonly arch?: readonly string[];
  readonly driver?: boolean;
}

export interface Entries {
  readonly entries: readonly Entry[];
  readonly names: readonly KnownNames[];
}
