import type { NsLink, NsType } from "./kernel/links.js";

/**
 * The published event: one JSON object a line on stdout and one message on the WebSocket. docs/events.md
 * is its documentation. Absent means not applicable, null means unknown; 64-bit ids are decimal strings.
 */
export const SCHEMA_VERSION = 1;

export type Severity = "critical" | "high" | "medium" | "low" | "info";

/** Most severe first. */
export const SEVERITIES: readonly Severity[] = ["critical", "high", "medium", "low", "info"];

/** A namespace: its inode number, and the id that is never reused where the kernel has one. */
export interface NamespaceRef {
  readonly inum: number;
  readonly id: string | null;
}

export type Namespaces = { readonly [type in NsType]?: NamespaceRef };

export interface ContainerRef {
  readonly id: string;
  /** docker, containerd, cri-o, podman, lxc, nspawn; null where the cgroup's name does not tell. */
  readonly runtime: string | null;
  readonly name: string | null;
  readonly pod: PodRef | null;
}

export interface PodRef {
  readonly uid: string | null;
  readonly namespace: string | null;
  readonly name: string | null;
}

export interface ProcessRef {
  readonly pid: number;
  readonly tid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly gid: number;
  readonly comm: string;
  readonly exe: string | null;
  /** Nanoseconds since boot, decimal. With `pid` it names the process for good. */
  readonly start: string;
  /** The pid inside the process's own pid namespace. */
  readonly ns_pid: number | null;
  readonly parent: { readonly comm: string; readonly exe: string | null } | null;
}

/** What the file descriptor given to a call referred to, read in the kernel while the call ran. */
export type Target =
  | { readonly via: "nsfs"; readonly type: NsType | null; readonly inum: number; readonly id: string | null }
  | {
      readonly via: "pidfd";
      readonly pid: number;
      readonly tid: number;
      readonly comm: string | null;
      readonly namespaces: Namespaces | null;
      readonly container: ContainerRef | null;
    }
  | {
      readonly via: "fscontext";
      readonly fs_type: string | null;
      readonly purpose: string;
      readonly user_ns: number;
    }
  | { readonly via: "mount"; readonly fs_type: string | null; readonly dev: string }
  | { readonly via: "other"; readonly magic: string };

export type Direction =
  | "same"
  | "host-to-container"
  | "container-to-host"
  | "to-sibling"
  | "to-descendant"
  | "to-ancestor"
  | "unknown";

/** A procfs superblock as the kernel's own `struct proc_fs_info` describes it. */
export interface ProcfsState {
  readonly dev: string;
  readonly pid_ns: number;
  readonly user_ns: number;
  readonly hidepid: string;
  readonly gid: number;
  readonly subset: string | null;
}

/** Taken from the kernel's own objects after the call, never from user memory. */
export interface Outcome {
  readonly seccomp?: string;
  readonly restarted?: string;
  readonly child?: { readonly pid: number; readonly namespaces: Namespaces };
  readonly procfs?: ProcfsState;
}

export type Arg = string | number | null | readonly string[] | { readonly [key: string]: Arg };

interface EventBase {
  readonly schema: typeof SCHEMA_VERSION;
  readonly seq: number;
  /** RFC 3339 with nanoseconds. */
  readonly time: string;
  readonly node: string;
}

export interface SyscallEvent extends EventBase {
  readonly type: "syscall";
  readonly syscall: string;
  readonly abi: string;
  /** Null in attach modes that do not see the entry. */
  readonly duration_ns: number | null;
  readonly args: { readonly [name: string]: Arg };
  /** When the strings of `args` were read. */
  readonly strings: "kernel" | "user-entry" | "user-exit";
  /** Present and true when another task could have rewritten those strings meanwhile. */
  readonly mm_shared?: true;
  /** Argument names whose strings were cut. */
  readonly truncated?: readonly string[];
  /** Argument names that could not be read, with the errno's name. */
  readonly unreadable?: { readonly [name: string]: string };
  /** Exact bytes, base64, of strings that are not UTF-8; by field path. */
  readonly raw?: { readonly [path: string]: string };
  readonly ret: number | null;
  readonly errno?: string;
  readonly process: ProcessRef;
  readonly container: ContainerRef | null;
  readonly namespaces: Namespaces;
  readonly changed?: {
    readonly [link in NsLink]?: { readonly from: NamespaceRef | null; readonly to: NamespaceRef };
  };
  readonly target?: Target;
  readonly direction?: Direction;
  readonly outcome?: Outcome | null;
}

export interface FindingSubject {
  readonly kind: "container" | "process" | "node";
  readonly id: string;
  readonly container: ContainerRef | null;
  readonly pid: number | null;
}

/** One line a person can check, and the command to check it with. */
export interface Evidence {
  readonly fact: string;
  readonly check?: string;
}

export interface FindingEvent extends EventBase {
  readonly type: "finding";
  readonly id: string;
  readonly rule: string;
  readonly title: string;
  readonly severity: Severity;
  readonly state: "open" | "updated" | "resolved";
  /** Why it was resolved. */
  readonly reason?: string;
  readonly kind: "posture" | "act";
  readonly count: number;
  readonly first_seen: string;
  readonly last_seen: string;
  readonly subject: FindingSubject;
  readonly evidence: readonly Evidence[];
  readonly remediation: string;
  readonly references: readonly string[];
  readonly tags: readonly string[];
  /** Rules that hold for the same exposure and that this one subsumes. */
  readonly also: readonly string[];
  /** `seq` of the syscall event that caused it, for an act. */
  readonly event_seq?: number;
}

export interface LostEvent extends EventBase {
  readonly type: "lost";
  /** ring-full, recursion, decode, client-queue, stdout-queue, … */
  readonly reason: string;
  readonly count: number;
}

export interface AgentEvent extends EventBase {
  readonly type: "agent";
  readonly state: "started" | "inventory" | "degraded" | "stopping";
  readonly [detail: string]: unknown;
}

export type KeyholeEvent = SyscallEvent | FindingEvent | LostEvent | AgentEvent;

/** An event before the publisher numbers it. */
export type Unnumbered<E extends KeyholeEvent = KeyholeEvent> = E extends KeyholeEvent
  ? Omit<E, "schema" | "seq" | "node">
  : never;
