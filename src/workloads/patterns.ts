/** What the path of a cgroup tells about the container in it. */
export interface CgroupMatch {
  readonly id: string;
  /** docker, containerd, cri-o, podman, lxc, nspawn; null where the path does not tell. */
  readonly runtime: string | null;
  readonly podUid: string | null;
}

/** One line of /proc/PID/cgroup (cgroups(7)). */
export interface CgroupLine {
  /** The controllers of a v1 hierarchy or its `name=`, empty for the unified (v2) hierarchy. */
  readonly controllers: string;
  readonly path: string;
}

interface Pattern {
  readonly regex: RegExp;
  read(match: RegExpExecArray): { readonly id: string; readonly runtime: string | null } | null;
}

const HEX_ID = "[0-9a-f]{64}";
const END = "(?=/|$)";

const RUNTIME_OF_PREFIX: Readonly<Record<string, string>> = {
  docker: "docker",
  actions_job: "docker",
  "cri-containerd": "containerd",
  nerdctl: "containerd",
  crio: "cri-o",
  libpod: "podman",
  "libpod-payload": "podman",
};

/**
 * The names that runtimes give to the cgroups of their containers. The processes of a runtime itself
 * (crio-conmon-ID, libpod-conmon-ID, lxc.monitor.NAME, …/supervisor) have names that none of these match.
 */
const PATTERNS: readonly Pattern[] = [
  // <prefix>-<id>.scope of the systemd drivers (runc docs/systemd.md), <prefix>-<id> of CRI-O's and podman's cgroupfs.
  {
    regex: new RegExp(
      `(?:^|/)(docker|cri-containerd|crio|libpod-payload|libpod|nerdctl)-(${HEX_ID})(?:\\.scope)?${END}`,
    ),
    read: (match) => ({ id: match[2]!, runtime: RUNTIME_OF_PREFIX[match[1]!] ?? null }),
  },
  // <slice>:<prefix>:<id>, what a cgroupfs runtime makes of a path that was meant for systemd.
  {
    regex: new RegExp(`(?:^|[^/]):(cri-containerd|crio|docker|libpod|nerdctl):(${HEX_ID})${END}`),
    read: (match) => ({ id: match[2]!, runtime: RUNTIME_OF_PREFIX[match[1]!] ?? null }),
  },
  // /docker/<id>, /kubepods/<qos>/pod<uid>/<id>, containerd's /<namespace>/<id>, /ecs/<task>/<id>.
  {
    regex: new RegExp(`/(?:(docker|actions_job)|[^/]+)/(${HEX_ID})${END}`),
    read: (match) => ({ id: match[2]!, runtime: RUNTIME_OF_PREFIX[match[1] ?? ""] ?? null }),
  },
  // lxc.payload.<name> (LXC 4 and later), lxc.payload/<name>, /lxc/<name> (before): lxc src/lxc/cgroups/cgroup.h.
  {
    regex: /\/lxc\.payload[./]([^/]+)/,
    read: (match) => ({ id: match[1]!, runtime: "lxc" }),
  },
  {
    regex: /^\/lxc\/([^/]+)/,
    read: (match) => ({ id: match[1]!, runtime: "lxc" }),
  },
  // systemd-nspawn: src/nspawn/nspawn-cgroup.c. `supervisor` holds systemd-nspawn itself; a machine whose name
  // begins with `qemu-` is a virtual machine of libvirt.
  {
    regex:
      /\/machine\.slice\/(?:machine-([^/]+)\.scope|systemd-nspawn@([^/]+)\.service)(\/supervisor)?(?=\/|$)/,
    read: (match) => {
      const id = unescapeUnitName((match[1] ?? match[2])!);
      return match[3] !== undefined || id.startsWith("qemu-") ? null : { id, runtime: "nspawn" };
    },
  },
];

/** A kubelet's pod: `pod<uid>` or `…-pod<uid with _ for ->.slice`; 32 hex digits for a static pod. */
const POD = /pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})(?=[./:]|$)/;

/**
 * The lines of /proc/PID/cgroup. A path may hold any byte but a newline, colons among them; a line that is
 * not `number:controllers:path` is left out.
 */
export function parseCgroup(text: string): CgroupLine[] {
  const lines: CgroupLine[] = [];
  for (const line of text.split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (first <= 0 || second < 0) continue;
    lines.push({ controllers: line.slice(first + 1, second), path: line.slice(second + 1) });
  }
  return lines;
}

/**
 * The container that `path` belongs to by its name, or null. Where containers nest (kind, docker in docker)
 * the outermost one counts: it is what the host's runtime started and what bounds all that is inside, and
 * what is inside chooses its own names.
 */
export function matchCgroupPath(path: string): CgroupMatch | null {
  let best: { readonly id: string; readonly runtime: string | null } | null = null;
  let at = Number.POSITIVE_INFINITY;
  let end = 0;
  for (const pattern of PATTERNS) {
    const match = pattern.regex.exec(path);
    if (match === null || match.index >= at) continue;
    const found = pattern.read(match);
    if (found === null) continue;
    best = found;
    at = match.index;
    end = at + match[0].length;
  }
  if (best === null) return null;
  // A pod further down runs inside this container.
  const pod = POD.exec(path.slice(0, end));
  return { id: best.id, runtime: best.runtime, podUid: pod?.[1]?.replaceAll("_", "-") ?? null };
}

/** The first of `lines` whose name tells the container; every hierarchy counts, not only the unified one. */
export function matchCgroupLines(lines: readonly CgroupLine[]): CgroupMatch | null {
  for (const line of lines) {
    const match = matchCgroupPath(line.path);
    if (match !== null) return match;
  }
  return null;
}

/** Undoes the `\xNN` of systemd's unit names (systemd.unit(5), "String Escaping for Inclusion in Unit Names"). */
function unescapeUnitName(name: string): string {
  return name.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
