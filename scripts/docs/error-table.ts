export interface ErrorText {
  readonly means: string;
  readonly todo: string;
}

/** What each code means to whoever meets it. */
export const ERRORS: Readonly<Record<string, ErrorText>> = {
  KEYHOLE_ATTACH: {
    means: "`--attach fentry` was asked for, and the kernel refuses programs of this kind. Exit status 3.",
    todo: "Use `--attach auto`, which takes tracepoint mode then. `keyhole doctor` says what each mode lacks.",
  },
  KEYHOLE_CAPTURE: {
    means:
      "The program that sees system calls could not be loaded or attached, so that there is nothing to run. The " +
      "message has the last lines of what libbpf and the verifier said. Exit status 3.",
    todo: "`keyhole doctor` says what this system lacks. Linux 5.8 with BTF is needed, CAP_BPF and CAP_PERFMON, and no lockdown in confidentiality mode.",
  },
  KEYHOLE_CATALOGUE: {
    means:
      "The files that describe the entries of procfs and other file systems are missing or wrong: of an installation, or after " +
      "a change in src/exposures/catalogue. The message has file, line and column. Exit status 70.",
    todo: "Install Keyhole again; of a change, correct it there.",
  },
  KEYHOLE_CONDITION: {
    means:
      "A condition, as that of `keyhole tree --filter`, is no CEL, names a field that does not exist, or puts together what " +
      "does not fit. The message has line and column, and shows the place. Exit status 2.",
    todo: "Correct it there; the message lists the fields. `matches()` is refused because a regular expression can take for ever: use `glob()`.",
  },
  KEYHOLE_CONFIG: {
    means:
      "Something in a configuration file, a `KEYHOLE_` variable or a flag is wrong. All that is wrong is listed, " +
      "each with file, line and column, or with the name of the variable or flag. Exit status 2.",
    todo: "Correct what is listed; [configuration](configuration.md) has all keys.",
  },
  KEYHOLE_EXPLAIN_TARGET: {
    means:
      "What `keyhole explain` was asked about is no rule, no seq of an event and no id of a finding. Exit status 2.",
    todo: "The message lists the rules. The seq of an event stands in it; the id of a finding has 16 hexadecimal digits.",
  },
  KEYHOLE_EXPLAIN_UNKNOWN: {
    means:
      "The agent, or the recording, does not know the event or the finding that `keyhole explain` was asked about. Exit status 1.",
    todo: "An agent remembers the last events (`websocket.recent`) and some thousand decisions, and nothing from before it was started: ask a [recording](recording.md).",
  },
  KEYHOLE_FILTER: {
    means: "A cgroup of `filter.cgroups` does not exist. Exit status 2.",
    todo:
      "Name a cgroup that exists when the agent starts, as a path below the cgroup root. In a pod the host's " +
      "cgroups have to be mounted: see [deployment](deployment.md#filters-by-cgroup).",
  },
  KEYHOLE_HOST_ROOT: {
    means: "Below `host_root` there is no procfs of this pid namespace. Exit status 3.",
    todo: "Point `host_root` at where the host's `/` is mounted with its submounts (a recursive bind), or leave it at `/`.",
  },
  KEYHOLE_LISTEN: {
    means: "The address of `listen` could not be bound. The errno says why. Exit status 3.",
    todo: "For EADDRINUSE stop the other process or take another port; for EADDRNOTAVAIL take an address that this host has.",
  },
  KEYHOLE_MOUNTINFO: {
    means:
      "The mount table of a process could not be read although the process is there. A scan goes on and lists the " +
      "container as not seen.",
    todo: "Run as root with CAP_SYS_PTRACE, on a `/proc` without `hidepid`; an AppArmor or SELinux profile may refuse it too.",
  },
  KEYHOLE_NOT_HOST_PIDNS: {
    means:
      "The agent is not in the initial pid namespace, from which alone it can see all processes. Exit status 3.",
    todo: "Set `hostPID: true` in the pod, or `--pid=host` for docker and podman.",
  },
  KEYHOLE_NOT_ROOT: {
    means:
      "A capability is missing (the message names it), or the agent is in a user namespace, where its capabilities " +
      "do not count for the kernel. Exit status 3.",
    todo: "Run as root of the host, or with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE and `hostUsers: true`.",
  },
  KEYHOLE_NO_AGENT: {
    means:
      "`keyhole explain` found no agent to ask: none listens at the address, it refuses, or what answers is none or does not show its certificate. Exit status 3.",
    todo: "Start it, or say where it listens with `--address` and which token it wants with `--token-file`; `tls.cert` is to be the file that it was started with; or ask a recording with `--input`.",
  },
  KEYHOLE_NO_BTF: {
    means: "The kernel has no type information at /sys/kernel/btf/vmlinux. Exit status 3.",
    todo: "Use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as those of the distributions are, and mount /sys.",
  },
  KEYHOLE_OPENS: {
    means:
      "`--opens on` was asked for, and this kernel refuses the program that sees the files that containers open. Exit status 3.",
    todo: "Use `--opens auto`, which does without where it must, or another attach mode. `keyhole doctor` says what the kernel refuses.",
  },
  KEYHOLE_PID_AMBIGUOUS: {
    means:
      "`keyhole pid PID@NAME`: the beginning of an id fits several containers, or several containers of a pod have such a process. Exit status 1.",
    todo: "Give more of the id; the message lists what it could be.",
  },
  KEYHOLE_PID_ARGUMENT: {
    means:
      "An argument of `keyhole pid` is neither a pid nor `PID@NAMESPACE`. Nothing is answered. Exit status 2.",
    todo: "Write it as `812`, `37@4026532570`, `37@70df0a1b2c3d` or `37@@812`.",
  },
  KEYHOLE_PID_DENIED: {
    means:
      "`keyhole pid PID@@MEMBER`: the kernel does not let the caller see the namespaces of MEMBER. Exit status 1.",
    todo: "Run it as root of the host, or with CAP_SYS_PTRACE.",
  },
  KEYHOLE_PID_NAMESPACE: {
    means: "`keyhole pid PID@NAME`: nothing is called so. Exit status 1.",
    todo: "`keyhole tree --type pid --columns +CONTAINER,POD` lists pid namespaces with their inode numbers, ids and containers.",
  },
  KEYHOLE_PID_PROCESS: {
    means:
      "`keyhole pid` found no such process or thread, or it ended while it was asked about. Exit status 1.",
    todo: "`ps -eLo pid,tid,pidns,comm` lists what there is.",
  },
  KEYHOLE_PROCFS_TARGET: {
    means:
      "`--pid` or `--container` of `keyhole procfs` names nothing that runs, or more than one container, or what cannot be looked " +
      "at. Exit status 2.",
    todo: "`keyhole procfs` without a filter names all that can see a procfs.",
  },
  KEYHOLE_RULE_FILES: {
    means:
      "Files of rules changed while the agent ran, and there are mistakes in them. All rules stay as they were; the log, an event " +
      "and /readyz have the message.",
    todo: "Correct the files: `keyhole rules check` has all that is wrong with them. They are read again when they change.",
  },
  KEYHOLE_RULES: {
    means:
      "The files of rules that Keyhole comes with are missing or wrong: of an installation, or after a change in " +
      "src/exposures/rules. The message has file, line and column. Exit status 70. What is wrong with files of the user is logged, " +
      "and the rest of them is used.",
    todo: "Install Keyhole again; of a change, correct it there. `keyhole rules check` has all that is wrong with your own files.",
  },
  KEYHOLE_RECORD: {
    means:
      "The file of `--record` cannot be made: there is one already, or the directory cannot be written. Exit status 2.",
    todo: "Choose another name, or replace the file with `--record-overwrite`.",
  },
  KEYHOLE_RECORDING: {
    means:
      "A file is no recording, one of another version, or damaged: empty, cut in the middle of a line, or changed. The message " +
      "has file, line and column. Exit status 2.",
    todo: "What comes before the line is replayed all the same: cut the file there, or record anew. A recording of another version needs the Keyhole that wrote it.",
  },
  KEYHOLE_RULE_UNKNOWN: {
    means: "`rules.disable` or `rules.severity` names a rule that does not exist. Exit status 2.",
    todo: "Take an id from [the rules](rules.md); the message lists them.",
  },
  KEYHOLE_SCAN_PROC: {
    means: "`keyhole scan` found no process at all below the host's `/proc`. Exit status 3.",
    todo: "Point `--host-root` at where the host's root is mounted.",
  },
  KEYHOLE_SCAN_TARGET: {
    means:
      "`--container` or `--pid` of `keyhole scan` fits no running container, or more than one. Exit status 2.",
    todo: "Give more of the id; `keyhole scan` without a target looks at all of them.",
  },
  KEYHOLE_TLS: {
    means: "The certificate or the key cannot be read, or they do not belong together. Exit status 3.",
    todo: "Check `tls.cert` and `tls.key`: PEM files, the chain in the first and its key in the second.",
  },
  KEYHOLE_TOKEN: {
    means:
      "The token file cannot be read, or is not one line of at least 16 printable characters. Exit status 2.",
    todo: "Make one: `head -c 32 /dev/urandom | base64`.",
  },
  KEYHOLE_TREE_COLUMN: {
    means: "`--columns` of `keyhole tree` names a column that does not exist. Exit status 2.",
    todo: "Take one of those that the message lists.",
  },
  KEYHOLE_TREE_TARGET: {
    means:
      "`--pid` of `keyhole tree` is no process, or `--container` fits no container, or the beginning of several ids. Exit status 2.",
    todo: "`keyhole tree --columns +CONTAINER,POD` lists the containers.",
  },
  KEYHOLE_TREE_WATCH: {
    means: "`keyhole tree --watch` was asked for a drawing. Exit status 2.",
    todo: "Watch with `--output table` or `json`; draw once.",
  },
  LIBBPF_ATTACH: {
    means: "A program was loaded and could not be attached. The agent goes on without it if it can.",
    todo: "`keyhole doctor` lists each program with its errno and with what is lost without it.",
  },
  LIBBPF_GLOBAL: {
    means: "A global variable of a BPF object does not exist, or does not take the value.",
    todo: "It is a defect of the program that uses the package: report it.",
  },
  LIBBPF_INFO: {
    means: "The kernel refused to describe a program, or to keep run-time statistics.",
    todo: "Check the capabilities: bpf(2) wants CAP_BPF, and statistics CAP_SYS_ADMIN.",
  },
  LIBBPF_ITER: {
    means: "An iterator could not be created or read.",
    todo: "Iterators need Linux 5.8. Without them Keyhole reads `/proc` instead.",
  },
  LIBBPF_LOAD: {
    means: "The kernel refused an object; `log` of the error has the verifier's reasons.",
    todo: "EPERM: check capabilities and lockdown. Otherwise report the log with the version of the kernel.",
  },
  LIBBPF_MAP: {
    means: "An operation on a map failed, or a key or value has the wrong size.",
    todo: "The errno says why, as ENOMEM or E2BIG; a wrong size is a defect of the program that uses the package.",
  },
  LIBBPF_NOT_FOUND: {
    means: "There is no libbpf 1.x in any of the places where it is looked for; the message lists them.",
    todo: "Install the distribution's libbpf (`libbpf1`, `libbpf`), or name a file in KEYHOLE_LIBBPF.",
  },
  LIBBPF_OPEN: {
    means: "An object file is missing or is no BPF object.",
    todo: "Install Keyhole again: `bpf/` beside `dist/` is not as it was packed.",
  },
  LIBBPF_RING: {
    means: "The ring buffer could not be mapped or waited for.",
    todo: "ENOMEM: raise the memory limit or make `ring.size` smaller. Otherwise report it.",
  },
  LIBBPF_RUN: {
    means: "The kernel refused to run a program on request (BPF_PROG_TEST_RUN).",
    todo: "Linux 5.10 and CAP_PERFMON are needed for it.",
  },
  LIBBPF_STATE: {
    means: "An object, map or ring buffer was used after it was closed, or before it was loaded.",
    todo: "It is a defect of the program that uses the package: report it.",
  },
  LIBBPF_UNKNOWN_NAME: {
    means: "An object has no program or map of that name.",
    todo: "It is a defect of the program that uses the package: report it.",
  },
  LIBBPF_UNSUPPORTED: {
    means: "A shared object was found and is not libbpf 1.0 or newer.",
    todo: "Install libbpf 1.x. KEYHOLE_LIBBPF, if it is set, names the wrong file.",
  },
  LIBBPF_UNTRUSTED: {
    means:
      "KEYHOLE_LIBBPF names a file that somebody other than root could change: it, or a directory above it, belongs " +
      "to another user or is writable by others. The library would run with the agent's privileges.",
    todo: "Use a file that belongs to root in directories that only root can write: `chown root`, `chmod go-w`.",
  },
};
