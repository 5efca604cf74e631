import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { BundleOptions, Spec } from "./bundle.js";
import { catalogueSeverity } from "./catalogue-severity.js";

/** A container, and what has to be found of it: nothing more, nothing less. */
export interface Row {
  readonly name: string;
  readonly options: BundleOptions;
  /** What is done to it from the host while it runs; called with the pid of its first process. */
  readonly after?: (pid: number) => void;
  /** The row whose pid namespace it joins, which comes before it. */
  readonly joins?: string;
  readonly finds: readonly Finds[];
}

/** Severity and rule of a finding, and what its evidence has to name. */
export type Finds = readonly [severity: string, rule: string, names?: string];

/** What `runc spec` asks for. */
export interface Defaults {
  readonly masked: readonly string[];
  readonly readonly: readonly string[];
}

const BOUND = "proc-host-superblock-bound";

/** Every row of the matrix; `holder` is a program that holds a detached procfs. */
export function matrix({ masked, readonly }: Defaults, holder: string): Row[] {
  return [
    { name: "default", options: {}, finds: [] },
    { name: "user", options: { userns: true }, finds: [] },
    ...masked.flatMap(withoutMask),
    ...readonly.flatMap(withoutReadonly),
    { name: "unmasked", options: { unmasked: true }, finds: [["critical", "proc-unmasked"]] },
    { name: "unmasked-user", options: { unmasked: true, userns: true }, finds: [["low", "proc-unmasked"]] },
    { name: "hostpid", options: { hostPid: true }, finds: [["critical", "proc-host-pidns-visible"]] },
    ...hostProcBinds(),
    ...wrongSources(),
    ...protectedByNothing(holder),
    ...sharedNamespaces(),
    ...otherFileSystems(),
    ...taken(masked),
  ];
}

/** The path within its file system, and that. */
function split(path: string): readonly [fs: "proc" | "sysfs", within: string] {
  return path.startsWith("/sys/") ? ["sysfs", path] : ["proc", path.slice("/proc".length)];
}

function nameOf(path: string): string {
  return path.slice(1).replaceAll("/", "-");
}

/** A mask that its specification leaves out counts as what the catalogue says of the path; what is not there, for nothing. */
function withoutMask(path: string): Row[] {
  const [fs, within] = split(path);
  const kinds = fs === "proc" ? (["read", "write"] as const) : (["read"] as const);
  const finds = (root: "host_root" | "userns_root"): Finds[] =>
    existsSync(path) ? [[catalogueSeverity(fs, within, root, kinds), "proc-mask-missing", path]] : [];
  const options = { withoutMasks: [path] };
  return [
    { name: `mask-${nameOf(path)}`, options, finds: finds("host_root") },
    {
      name: `mask-user-${nameOf(path)}`,
      options: { ...options, userns: true },
      finds: finds("userns_root"),
    },
  ];
}

/** Without the host's root nothing there can be written. */
function withoutReadonly(path: string): Row[] {
  const options = { withoutReadonly: [path] };
  const [, within] = split(path);
  const rule = path === "/proc/sys" ? "proc-sys-writable" : "proc-readonly-missing";
  const severity = catalogueSeverity("proc", within, "host_root", ["write"]);
  return [
    {
      name: `readonly-${nameOf(path)}`,
      options,
      finds: existsSync(path) ? [[severity, rule, path]] : [],
    },
    { name: `readonly-user-${nameOf(path)}`, options: { ...options, userns: true }, finds: [] },
  ];
}

/** Through a whole procfs, the sysctls, sysrq-trigger or a process the whole host is reached; through the rest a part. */
function hostProcBinds(): Row[] {
  const sources: readonly (readonly [source: string, writable: string, readonly: string])[] = [
    ["/proc", "critical", "high"],
    ["/proc/sys", "critical", "high"],
    ["/proc/sys/kernel", "critical", "high"],
    ["/proc/1", "critical", "high"],
    ["/proc/fs", "high", "medium"],
    ["/proc/acpi", "high", "medium"],
  ];
  return sources.flatMap(([source, writable, readonly]) =>
    [false, true].flatMap((userns): Row[] => {
      const suffix = `${userns ? "user-" : ""}${nameOf(source)}`;
      const bind = (mode: string) => withMount("/host-proc", "bind", source, ["bind", mode]);
      return [
        {
          name: `bind-rw-${suffix}`,
          options: { userns, directories: ["/host-proc"], edit: bind("rw") },
          finds: [[userns ? readonly : writable, BOUND, "/host-proc"]],
        },
        {
          name: `bind-ro-${suffix}`,
          options: { userns, directories: ["/host-proc"], edit: bind("ro") },
          finds: [[readonly, BOUND, "/host-proc"]],
        },
      ];
    }),
  );
}

/** What lies on the masked path decides: a kernel file system is critical, a file of a disk low. */
function wrongSources(): Row[] {
  return [
    // where /dev/null leads elsewhere while the container is made, that is what covers each masked file
    {
      name: "null-is-sysctl",
      options: { edit: withMount("/dev/null", "bind", "/proc/sys/kernel/domainname", ["bind", "rw"]) },
      finds: [["critical", "proc-mask-wrong-source", "/proc/keys"]],
    },
    {
      name: "sysctl-on-mask",
      options: {},
      after: inMounts("bind('/proc/sys/kernel/ostype', '/proc/keys')"),
      finds: [["critical", "proc-mask-wrong-source", "/proc/keys"]],
    },
    {
      name: "sysctl-on-mask-user",
      options: { userns: true },
      after: inMounts("bind('/proc/sys/kernel/ostype', '/proc/keys')"),
      finds: [["medium", "proc-mask-wrong-source", "/proc/keys"]],
    },
    {
      name: "file-on-mask",
      options: {},
      after: inMounts("bind('/pause', '/proc/keys')"),
      finds: [["low", "proc-mask-wrong-source", "/proc/keys"]],
    },
    {
      name: "tmpfs-on-mask",
      options: {},
      after: inMounts("mount('tmpfs', '/proc/acpi')"),
      finds: [["low", "proc-mask-wrong-source", "/proc/acpi"]],
    },
  ];
}

function protectedByNothing(holder: string): Row[] {
  const extra = withMount("/other", "proc", "proc", []);
  return [
    {
      name: "sysadmin",
      options: { capabilities: ["CAP_SYS_ADMIN"] },
      finds: [["high", "masks-advisory-cap", "CAP_SYS_ADMIN"]],
    },
    { name: "sysadmin-user", options: { capabilities: ["CAP_SYS_ADMIN"], userns: true }, finds: [] },
    { name: "extra", options: { edit: extra }, finds: [["critical", "proc-extra-mount", "/other"]] },
    {
      name: "extra-user",
      options: { directories: ["/other"], edit: extra, userns: true },
      finds: [["low", "proc-extra-mount", "/other"]],
    },
    {
      name: "detached",
      options: { capabilities: ["CAP_SYS_ADMIN"], programs: [holder], args: ["/holder"] },
      finds: [
        ["critical", "proc-fd-detached", "mounted nowhere"],
        ["high", "masks-advisory-cap"],
      ],
    },
    {
      name: "tmpfs-on-proc",
      options: {},
      after: inMounts("mount('tmpfs', '/proc')"),
      finds: [["high", "proc-overmounted", "tmpfs"]],
    },
    {
      name: "hidden",
      options: {},
      after: inMounts("bind('/tmp', '/proc/1')"),
      finds: [["high", "proc-pid-hidden", "/proc/1"]],
    },
    {
      name: "overlaid",
      options: {},
      after: inMounts("bind('/pause', '/proc/uptime')"),
      finds: [["medium", "proc-file-overlaid", "/proc/uptime"]],
    },
    {
      name: "part-elsewhere",
      options: {},
      after: inMounts("bind('/proc/irq', '/tmp', False)"),
      finds: [],
    },
    {
      name: "sysctls-elsewhere",
      options: {},
      after: inMounts("umount('/proc/sys'); bind('/proc/sys', '/tmp'); bind('/proc/sys', '/proc/sys', True)"),
      finds: [[catalogueSeverity("proc", "/sys", "host_root", ["write"]), "proc-subtree-bind", "/tmp"]],
    },
  ];
}

function sharedNamespaces(): Row[] {
  const without = (type: string) => (spec: Spec) => {
    spec.linux.namespaces = spec.linux.namespaces.filter((namespace) => namespace.type !== type);
    if (type === "uts") spec.hostname = "";
  };
  const shared = "ns-shared-with-host";
  return [
    { name: "hostnet", options: { edit: without("network") }, finds: [["high", shared, "net"]] },
    { name: "hostipc", options: { edit: without("ipc") }, finds: [["medium", shared, "ipc"]] },
    { name: "hostuts", options: { edit: without("uts") }, finds: [["medium", shared, "uts"]] },
    {
      name: "nsfs",
      options: {
        files: ["/pidns"],
        edit: withMount("/pidns", "bind", `/proc/${process.pid}/ns/pid`, ["bind", "ro"]),
      },
      finds: [["critical", "proc-subtree-bind", "/pidns"]],
    },
    {
      name: "own-nsfs",
      options: { files: ["/netns"], edit: withMount("/netns", "bind", "/proc/self/ns/net", ["bind", "ro"]) },
      finds: [],
    },
    { name: "pod-a", options: {}, finds: [["info", "proc-hidepid-off-shared", "2 containers"]] },
    {
      name: "pod-b",
      options: {},
      joins: "pod-a",
      finds: [["info", "proc-hidepid-off-shared", "2 containers"]],
    },
    {
      name: "maps-root",
      options: {
        userns: true,
        edit: ({ linux }) => {
          linux.uidMappings = [{ containerID: 0, hostID: 0, size: 65_536 }];
          linux.gidMappings = [{ containerID: 0, hostID: 0, size: 65_536 }];
        },
      },
      finds: [["high", "userns-maps-host-root", "uid 0"]],
    },
  ];
}

/** Those that this kernel has; a bpf file system is the container's own. */
function otherFileSystems(): Row[] {
  const known = readFileSync("/proc/filesystems", "utf8").split(/\s+/);
  const types = ["debugfs", "tracefs", "securityfs", "configfs", "pstore", "efivarfs", "selinuxfs"];
  const fsOf = (type: string) => (type === "pstore" ? "configfs" : type);
  const rows = types
    .filter((type) => known.includes(type))
    .flatMap((type) =>
      (["rw", "ro"] as const).map((mode): Row => {
        const kinds = mode === "rw" ? (["read", "write"] as const) : (["read"] as const);
        const severity = catalogueSeverity(fsOf(type), "/", "host_root", kinds);
        const finds: Finds[] = severity === "info" ? [] : [[severity, "sys-special-fs-mounted", type]];
        return {
          name: `${type}-${mode}`,
          options: { edit: withMount("/fs", type, type, [mode]) },
          finds,
        };
      }),
    );
  const sys = (spec: Spec) => {
    const mount = spec.mounts.find(({ destination }) => destination === "/sys");
    mount!.options = ["nosuid", "noexec", "nodev", "rw"];
  };
  const cgroups = execFileSync("findmnt", ["-n", "-t", "cgroup,cgroup2", "-o", "TARGET"], {
    encoding: "utf8",
  });
  const hierarchy = cgroups.split("\n", 1)[0]!.replace(/^\W*\//, "/");
  return [
    ...rows,
    ...(known.includes("bpf")
      ? [{ name: "own-bpf", options: { edit: withMount("/fs", "bpf", "bpf", ["rw"]) }, finds: [] }]
      : []),
    {
      name: "sys-rw",
      options: { edit: sys },
      finds: [[existsSync("/sys/kernel/uevent_helper") ? "critical" : "high", "sys-writable", "/sys"]],
    },
    { name: "sys-rw-user", options: { edit: sys, userns: true }, finds: [] },
    {
      name: "cgroup-rw",
      options: { edit: withMount("/cgroup", "bind", hierarchy, ["bind", "rw"]) },
      finds: [["high", "cgroupfs-writable", "/cgroup"]],
    },
    {
      name: "cgroup-ro",
      options: { edit: withMount("/cgroup", "bind", hierarchy, ["rbind", "ro"]) },
      finds: [],
    },
    {
      name: "own-cgroup-rw",
      options: {
        edit: (spec) => {
          const mount = spec.mounts.find(({ type }) => type === "cgroup");
          mount!.options = mount!.options?.filter((option) => option !== "ro") ?? [];
        },
      },
      finds: [],
    },
  ];
}

/** What the runtime was told to do and is not there is a step worse than what it was not told. */
function taken(masked: readonly string[]): Row[] {
  const worse: Readonly<Record<string, string>> = {
    info: "low",
    low: "medium",
    medium: "high",
    high: "critical",
    critical: "critical",
  };
  const files = masked.filter((path) => path.startsWith("/proc/") && isFile(path));
  const severity = catalogueSeverity("proc", "/keys", "host_root", ["read", "write"]);
  return [
    {
      name: "mask-taken",
      options: {},
      after: inMounts("umount('/proc/keys')"),
      finds: [[worse[severity]!, "proc-mask-missing", "/proc/keys"]],
    },
    {
      name: "file-masks-absent",
      options: {},
      after: inMounts(files.map((path) => `umount('${path}')`).join("; ")),
      finds: [["critical", "proc-mask-bypassed-at-create", files.join(", ")]],
    },
    {
      name: "file-masks-absent-user",
      options: { userns: true },
      after: inMounts(files.map((path) => `umount('${path}')`).join("; ")),
      finds: [["medium", "proc-mask-bypassed-at-create", files.join(", ")]],
    },
    {
      name: "readonly-taken",
      options: {},
      after: inMounts("umount('/proc/irq')"),
      finds: [
        [
          worse[catalogueSeverity("proc", "/irq", "host_root", ["write"])]!,
          "proc-readonly-missing",
          "/proc/irq",
        ],
      ],
    },
    {
      name: "readonly-covered",
      options: {},
      after: inMounts(
        "umount('/proc/fs'); bind('/proc/fs', '/proc/fs'); readonly('/proc/fs'); bind('/proc/fs', '/proc/fs')",
      ),
      finds: [],
    },
  ];
}

function isFile(path: string): boolean {
  return existsSync(path) && execFileSync("stat", ["-c", "%F", path], { encoding: "utf8" }).includes("file");
}

function withMount(destination: string, type: string, source: string, options: readonly string[]) {
  return ({ mounts }: Spec) => {
    mounts.push({ destination, type, source, options });
  };
}

/** Runs some mount(2) and umount2(2) in the mount namespace of a process, as its container's root could. */
function inMounts(calls: string): (pid: number) => void {
  return (pid) => {
    const lines = [
      "import ctypes, os, sys",
      "libc = ctypes.CDLL(None, use_errno=True)",
      "def check(result, what):",
      "    if result != 0: sys.exit(what + ': ' + os.strerror(ctypes.get_errno()))",
      "def mount(fs, point): check(libc.mount(fs.encode(), point.encode(), fs.encode(), 0, None), point)",
      "def readonly(point): check(libc.mount(None, point.encode(), None, 0x1021, None), point)",
      "def bind(source, point, ro=False):",
      "    check(libc.mount(source.encode(), point.encode(), None, 0x1000, None), point)",
      "    if ro: readonly(point)",
      "def umount(point): check(libc.umount2(point.encode(), 0), point)",
      `check(libc.setns(os.open('/proc/${pid}/ns/mnt', 0), 0), 'setns')`,
      calls,
    ];
    execFileSync("python3", ["-c", lines.join("\n")], { stdio: ["ignore", "inherit", "inherit"] });
  };
}
