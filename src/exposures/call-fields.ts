import type { OpenedFile, Outcome, Target } from "../event.js";
import { LINK_INDEX, NS_TYPES } from "../kernel/links.js";
import { type Act, type ActContext, isByRuntime, type ObservedCall } from "./act.js";
import { argFields, SYSCALLS } from "./arg-fields.js";
import { type Field, type Fields, fieldsOf, tableOf, within } from "./field.js";
import { containerRefFields, mountStateFields, processFields, procfsStateFields } from "./shared-fields.js";

/** What the fields of a call are read from. */
export type CallSource = Pick<Act, "call"> & ActContext;

const CALL: readonly Field<ObservedCall>[] = fieldsOf<ObservedCall>([
  ["syscall", "string", "name of the system call", ({ syscall }) => syscall],
  ["abi", "string", "x86_64, i386, x32, arm64 or arm", ({ abi }) => abi],
  [
    "via",
    "string",
    "io_uring where it was an operation of that, whose arguments are not known",
    ({ via }) => via,
  ],
  ["ret", "int", "what the call returned, negative where it failed", ({ ret }) => ret],
  ["errno", "string", "name of the error of a call that failed, as EPERM", ({ errno }) => errno],
  ["reason", "string", "why the kernel refused the call, where that is known", ({ reason }) => reason],
  ["direction", "string", "where a crossing leads, as container-to-host", ({ direction }) => direction],
  ["strings", "string", "when strings were read: kernel, user-entry or user-exit", ({ strings }) => strings],
  [
    "mm_shared",
    "bool",
    "another task could have rewritten the strings meanwhile",
    (call) => call.mm_shared === true,
  ],
  [
    "changed",
    "list",
    "the namespaces that the call changed, as mnt and pid_for_children",
    ({ changed }) => (changed === null || changed === undefined ? null : Object.keys(changed)),
  ],
]);

const NAMESPACES: readonly Field<CallSource>[] = NS_TYPES.flatMap((type) =>
  fieldsOf<CallSource>(
    [
      [
        "inum",
        "int",
        `inode number of the caller's ${type} namespace`,
        ({ call }) => call.namespaces[type]?.inum,
      ],
      [
        "host",
        "bool",
        `the caller is in the host's ${type} namespace`,
        ({ call, hostNs }) => isHosts(call.namespaces[type]?.inum, hostNs[LINK_INDEX[type]]),
      ],
    ],
    `ns.${type}.`,
  ),
);

const AROUND: readonly Field<CallSource>[] = fieldsOf<CallSource>([
  [
    "process.ancestors",
    "list",
    "executables of the parent and of its parents as far as they are known, the parent's first",
    (source) => source.ancestors?.() ?? parentOnly(source.call),
  ],
  [
    "process.is_runtime",
    "bool",
    "it is a container runtime that makes a container ready, or looks after one",
    isByRuntime,
  ],
  ["process.origin", "string", "where its program was started: host or container", ({ origin }) => origin],
  [
    "process.parent.on_host",
    "bool",
    "the parent is in the host's mount namespace, where no container has a say",
    ({ parentNs, hostNs }) => isHosts(parentNs?.[LINK_INDEX.mnt], hostNs[LINK_INDEX.mnt]),
  ],
  [
    "container.realroot",
    "bool",
    "a uid of the container is the host's root",
    (source) => source.after()?.realRoot,
  ],
  [
    "container.sysadmin",
    "bool",
    "the container's first process has CAP_SYS_ADMIN",
    (source) => source.after()?.sysAdmin,
  ],
]);

const TARGET: readonly Field<Target>[] = [
  ...fieldsOf<Target>(
    [
      [
        "via",
        "string",
        "what the descriptor is: nsfs, pidfd, fscontext, mount or other",
        (target) => target.via,
      ],
      [
        "type",
        "string",
        "type of the namespace that it is",
        (target) => (target.via === "nsfs" ? target.type : null),
      ],
      [
        "inum",
        "int",
        "inode number of that namespace",
        (target) => (target.via === "nsfs" ? target.inum : null),
      ],
      [
        "pid",
        "int",
        "process of the pidfd, in the initial pid namespace",
        (target) => (target.via === "pidfd" ? target.pid : null),
      ],
      ["comm", "string", "its name", (target) => (target.via === "pidfd" ? target.comm : null)],
      [
        "fs_type",
        "string",
        "type of the file system",
        (target) => ("fs_type" in target ? target.fs_type : null),
      ],
      [
        "purpose",
        "string",
        "what the file system context is for, as mount or reconfigure",
        (target) => (target.via === "fscontext" ? target.purpose : null),
      ],
      [
        "user_ns",
        "int",
        "inode number of the context's user namespace",
        (target) => (target.via === "fscontext" ? target.user_ns : null),
      ],
      [
        "dev",
        "string",
        "device number of the mount's file system",
        (target) => (target.via === "mount" ? target.dev : null),
      ],
    ],
    "target.",
  ),
  ...within(
    (target: Target) => (target.via === "pidfd" ? target.container : null),
    containerRefFields("target.container."),
  ),
];

const OUTCOME: readonly Field<Outcome>[] = [
  ...fieldsOf<Outcome>(
    [
      ["seccomp", "string", "what seccomp did to the call", ({ seccomp }) => seccomp],
      ["root", "string", "the caller's root directory after the call", ({ root }) => root],
      [
        "child.pid",
        "int",
        "the process that was made, in the initial pid namespace",
        ({ child }) => child?.pid,
      ],
      ["child.flags", "list", "the flags that it was made with", ({ child }) => child?.flags],
    ],
    "outcome.",
  ),
  ...within(({ procfs }: Outcome) => procfs, procfsStateFields("outcome.procfs.")),
  ...within(({ mount }: Outcome) => mount, mountStateFields("outcome.mount.")),
];

const FILE: readonly Field<OpenedFile>[] = [
  ...fieldsOf<OpenedFile>(
    [
      ["fs_type", "string", "type of the opened file's file system", (file) => file.fs_type],
      ["dev", "string", "device number of that", ({ dev }) => dev],
      ["inode", "string", "inode number, decimal", ({ inode }) => inode],
      ["path", "string", "path within its file system, whatever it was opened through", ({ path }) => path],
      [
        "runtime",
        "bool",
        "it is a program of a container runtime on the host, opened for writing",
        ({ runtime }) => runtime === true,
      ],
      ["access", "list", "read, write or both", ({ access }) => access],
      ["entry", "string", "id of the entry of the catalogue that it is", ({ entry }) => entry],
      [
        "foreign_mount",
        "bool",
        "it was opened through a mount that is not in the caller's mount namespace",
        (file) => file.foreign_mount === true,
      ],
      ["of.pid", "int", "the process whose directory of procfs it is in", ({ of }) => of?.pid],
    ],
    "file.",
  ),
  ...within((file: OpenedFile) => file.of?.container, containerRefFields("file.of.container.")),
];

const FOREIGN: readonly Field<ObservedCall>[] = fieldsOf<ObservedCall>([
  [
    "file.of.foreign",
    "bool",
    "that process is in no container, or in another one than the caller",
    ({ file, container, process }) =>
      file?.of === undefined
        ? null
        : file.of.pid !== process.pid &&
          (file.of.container === null || file.of.container.id !== container?.id),
  ],
]);

const FIXED: readonly Field<CallSource>[] = [
  ...within(({ call }: CallSource) => call, CALL),
  ...within(({ call }: CallSource) => call.process, processFields()),
  ...within(({ call }: CallSource) => call.container, containerRefFields()),
  ...AROUND,
  ...NAMESPACES,
  ...within(({ call }: CallSource) => call.file, FILE),
  ...within(({ call }: CallSource) => call, FOREIGN),
  ...within(({ call }: CallSource) => call.target, TARGET),
  ...within(({ call }: CallSource) => call.outcome, OUTCOME),
];

/** The fields of a call that is one of `syscalls`. */
export function callFields(syscalls: readonly string[]): Fields<CallSource> {
  const key = [...syscalls].sort().join(" ");
  const known = TABLES.get(key);
  if (known !== undefined) return known;
  const args = within(({ call }: CallSource) => call, argFields(syscalls));
  const table = tableOf([...FIXED, ...args]);
  if (TABLES.size < MAX_TABLES) TABLES.set(key, table);
  return table;
}

const TABLES = new Map<string, Fields<CallSource>>();
const MAX_TABLES = 256;

/** The fields of any call. */
export const ALL_CALL_FIELDS = callFields(SYSCALLS);

function isHosts(inum: number | undefined, host: number | undefined): boolean | null {
  return inum === undefined || inum === 0 || host === undefined || host === 0 ? null : inum === host;
}

function parentOnly({ process }: ObservedCall): readonly string[] | null {
  const exe = process.parent?.exe ?? null;
  return exe === null ? null : [exe];
}
