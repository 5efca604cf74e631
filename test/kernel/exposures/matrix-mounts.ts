import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import type { Spec } from "./bundle.js";
import { catalogueSeverity } from "./catalogue-severity.js";
import { type Finds, inMounts, nameOf, type Row, withMount } from "./matrix-row.js";

const BOUND = "proc-host-superblock-bound";

/** Through a whole procfs, the sysctls, sysrq-trigger or a process the whole host is reached; through the rest a part. */
export function hostProcBinds(): Row[] {
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
export function wrongSources(): Row[] {
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

/** Procfs where no mask lies on it, and mounts over procfs that are no masks. */
export function protectedByNothing(holder: string): Row[] {
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

/** Those that this kernel has; a bpf file system is the container's own. */
export function otherFileSystems(): Row[] {
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
