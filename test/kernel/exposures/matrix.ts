import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import type { Spec } from "./bundle.js";
import { catalogueSeverity } from "./catalogue-severity.js";
import { hostProcBinds, otherFileSystems, protectedByNothing, wrongSources } from "./matrix-mounts.js";
import { type Finds, inMounts, nameOf, type Row, withMount } from "./matrix-row.js";

/** What `runc spec` asks for. */
export interface Defaults {
  readonly masked: readonly string[];
  readonly readonly: readonly string[];
}

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
