import type { NsLink, NsType } from "./kernel/links.js";
import type { StatedOptions } from "./kernel/procfs-options.js";

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
  /** docker, containerd, cri-o, podman, lxc, nspawn; null where neither its cgroup's name nor the runtime's files tell. */
  readonly runtime: string | null;
  /** `POD` is the one that keeps a pod's namespaces. */
  readonly name: string | null;
  /** What it was made of, as the runtime was told. */
  readonly image: string | null;
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
  | { readonly via: "other"; readonly magic: string; readonly fs_type: string | null };

export type Direction =
  | "same"
  | "host-to-container"
  | "container-to-host"
  | "to-sibling"
  | "to-descendant"
  | "to-ancestor"
  | "unknown";

/** Where a pid namespace lies seen from the caller's: `descendant` is below it; `foreign` neither below nor above. */
export type PidNsRelation = "same" | "descendant" | "ancestor" | "foreign";

/** A procfs superblock as the kernel's own `struct proc_fs_info` describes it. */
export interface ProcfsState {
  readonly dev: string;
  readonly pid_ns: number;
  readonly pid_namespace: NamespaceRef;
  readonly pid_ns_relation: PidNsRelation | null;
  readonly user_ns: number;
  readonly hidepid: string;
  readonly gid: number;
  readonly subset: string | null;
}

/** A mount as the kernel itself has it. */
export interface MountState {
  /** The id that is never used again (statx(2), STATX_MNT_ID_UNIQUE); null before Linux 6.8. */
  readonly id: string | null;
  /** The mount id of mountinfo, which is used again. */
  readonly old_id: number;
  /** `old_id` of the mount it is attached to; null while it is detached. */
  readonly parent: number | null;
  readonly dev: string;
  readonly fs_type: string | null;
  /** Where it is, seen from the root of the caller; null while it is detached, or outside of that root. */
  readonly mountpoint: string | null;
  /** The directory of its file system that it shows. */
  readonly root: string | null;
  /** Per mount (`nosuid`, `ro`, …); `ro` also where the whole file system is. */
  readonly options: readonly string[];
  /** The mount namespace it is in; null while it is detached. */
  readonly mnt_ns: NamespaceRef | null;
}

/** A file that a container's task opened, as the kernel has it: of a pseudo file system, or on a mount of others. */
export interface OpenedFile {
  /** The type of its file system, as `proc` or `cgroup2`. */
  readonly fs_type: string;
  /** major:minor of the superblock. */
  readonly dev: string;
  /** Inode number, decimal. */
  readonly inode: string;
  /**
   * Within its file system, as `/sys/kernel/core_pattern`: what it was opened through (a bind, a link, a descriptor,
   * /proc/PID/root) makes no difference. Of more than 32 components the last ones, and then `truncated` has `file.path`.
   */
  readonly path: string;
  /** `read`, `write` or both; none for O_PATH. */
  readonly access: readonly ("read" | "write")[];
  /** Id of the entry of the catalogue that it is. */
  readonly entry: string | null;
  /** The process whose directory of procfs it is in, in numbers of the initial pid namespace. */
  readonly of?: { readonly pid: number; readonly container: ContainerRef | null };
  /** The mount that it was opened through is in no mount namespace of the caller's. */
  readonly foreign_mount?: true;
  /** It is a program of a container runtime on the host, opened for writing. */
  readonly runtime?: true;
}

/** Taken from the kernel's own objects after the call, never from user memory. */
export interface Outcome {
  readonly seccomp?: string;
  /** The call was interrupted by a signal: the kernel makes it again, or it fails with EINTR, as sigaction(2) says. */
  readonly restarted?: string;
  /** The caller was killed in the call; nobody received this error. */
  readonly killed?: string;
  readonly child?: {
    readonly pid: number;
    readonly tid: number;
    readonly flags: readonly string[];
    readonly namespaces: Namespaces;
  };
  readonly procfs?: ProcfsState;
  /** The mount that the call made, moved or changed. */
  readonly mount?: MountState;
  /** The caller's root directory after chroot(2) or pivot_root(2), seen from the root of its mount namespace. */
  readonly root?: string;
}

/** Failed calls of one process with one result, beyond the rate of its workload: counted instead of told one by one. */
export interface Summary {
  readonly count: number;
  /** When the first and the last of them returned. */
  readonly from: string;
  readonly to: string;
}

/** A namespace that a descriptor of the caller refers to, and where it lies if it is a pid namespace. */
export interface PidNsByFd {
  readonly fd: number;
  /** Null where it is no descriptor of a namespace. */
  readonly namespace: (NamespaceRef & { readonly type: NsType | null }) | null;
  readonly relation: PidNsRelation | null;
}

/** The procfs options that a call asked for, from its arguments. */
export interface AskedOptions extends Omit<StatedOptions, "pidns"> {
  /** Null where the call does not say it: the keys are those of procfs. */
  readonly fs_type: "proc" | null;
  /** A path, or a descriptor. */
  readonly pidns?: string | PidNsByFd;
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
  /**
   * Paths of `args` that are relative or start from a descriptor, seen from the caller's root; symbolic links are not
   * followed.
   */
  readonly resolved?: { readonly [name: string]: string };
  /** Argument names whose strings were cut, and `file.path`. */
  readonly truncated?: readonly string[];
  /** Argument names that could not be read, and why. */
  readonly unreadable?: { readonly [name: string]: string };
  /** Exact bytes, base64, of strings that are not UTF-8; by field path. */
  readonly raw?: { readonly [path: string]: string };
  readonly options?: AskedOptions | null;
  readonly ret: number | null;
  readonly errno?: string;
  /** Why the kernel refused the call, where errno and arguments leave one cause or a few. */
  readonly reason?: string;
  readonly process: ProcessRef;
  readonly container: ContainerRef | null;
  readonly namespaces: Namespaces;
  readonly changed?:
    | {
        readonly [link in NsLink]?: { readonly from: NamespaceRef | null; readonly to: NamespaceRef };
      }
    | null;
  readonly target?: Target;
  readonly direction?: Direction;
  readonly outcome?: Outcome | null;
  /** What the call opened; present for the calls that open files. */
  readonly file?: OpenedFile;
  /** It was an operation of io_uring(7), of which the arguments are not known. */
  readonly via?: "io_uring";
  /** Present where the event stands for many calls; `args` is empty then. */
  readonly summary?: Summary;
}

/** One call of a story. */
export interface StoryStep {
  readonly time: string;
  readonly syscall: string;
  readonly args: { readonly [name: string]: Arg };
  readonly ret: number | null;
  readonly errno?: string;
  /** Who made it: not always who began the story. */
  readonly actor: { readonly pid: number; readonly tid: number; readonly comm: string };
}

/** Open: `open`, `kept`, `passed`. Ended: all others. */
export type StoryState =
  | "open"
  | "kept"
  | "passed"
  | "attached"
  | "closed"
  | "rejected"
  | "process-died"
  | "expired";

/** One mount, from the first call that had to do with it to its end. Published again, under the same id, as it goes on. */
export interface StoryEvent extends EventBase {
  readonly type: "story";
  readonly id: string;
  readonly kind: StoryKind;
  readonly state: StoryState;
  readonly began: string;
  /** When it ended: an interval where that was found by looking; null as long as it goes on. */
  readonly ended: { readonly after: string; readonly before: string } | null;
  readonly fs_type: string | null;
  /** It was under way when the agent began to look, or its beginning was lost. */
  readonly partial?: true;
  /** The story whose files this one goes on with. */
  readonly follows?: string;
  /** Who began it, and where. */
  readonly process: ProcessRef;
  readonly container: ContainerRef | null;
  readonly steps: readonly StoryStep[];
  /** Steps that are not listed, in the middle. */
  readonly steps_omitted?: number;
  /** The procfs instance that came of it, as the kernel has it. */
  readonly procfs?: ProcfsState;
  /** What came of it, as the kernel has it: attached, or detached and held by a descriptor. */
  readonly mount?: MountState;
  /** Who has a descriptor of its files, at the last look; who will receive one in flight is not known. */
  readonly holders?: readonly StoryHolder[];
  /** Processes that have one and are not among {@link holders}. */
  readonly holders_omitted?: number;
}

export type StoryKind =
  | "mount"
  | "reconfigure"
  | "clone"
  | "bind"
  | "remount"
  | "propagation"
  | "move"
  | "attributes"
  | "umount"
  | "pivot_root";

export interface StoryHolder {
  readonly pid: number;
  readonly comm: string | null;
  readonly fds: readonly number[];
  /** Descriptors that are not among {@link fds}. */
  readonly fds_omitted?: number;
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
  /** recursion: how often each program was skipped since the start. */
  readonly programs?: { readonly [program: string]: number };
}

export interface AgentEvent extends EventBase {
  readonly type: "agent";
  readonly state: "started" | "inventory" | "degraded" | "reloaded" | "reload-failed" | "stopping";
  readonly [detail: string]: unknown;
}

export type KeyholeEvent = SyscallEvent | StoryEvent | FindingEvent | LostEvent | AgentEvent;

/** An event before the publisher numbers it. */
export type Unnumbered<E extends KeyholeEvent = KeyholeEvent> = E extends KeyholeEvent
  ? Omit<E, "schema" | "seq" | "node">
  : never;
