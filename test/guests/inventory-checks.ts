import { isAtLeast } from "./release.js";
import type { Inventory } from "./results.js";

interface Instance {
  readonly dev: string;
  readonly pid_ns: number | null;
  readonly hidepid: string;
  readonly gid: number;
  readonly subset: string | null;
  readonly private: boolean | null;
  readonly keeper: string;
  readonly places: readonly {
    readonly mnt_ns: number;
    readonly path: string;
    readonly covers: readonly { readonly kind: string; readonly path: string }[];
  }[];
  readonly holders: readonly { readonly pid: number; readonly fd: number; readonly detached: boolean }[];
}

/** What must hold of procfs instances, pids and mounts; an empty list where it does. */
export const INVENTORY_CHECKS: Readonly<Record<string, (inventory: Inventory, release: string) => string[]>> =
  {
    "procfs has each instance with its options, where it is mounted": mounted,
    "procfs has an instance that was made of another pid namespace": madeOf,
    "procfs has an instance that is mounted nowhere, and who holds it": detached,
    "pid has what the kernel calls a process in each pid namespace": pids,
    "a running agent has the mount table of another namespace": mounts,
  };

/** hidepid, gid and subset of each instance, where it is and what lies on it. */
const EXPECTED: Readonly<Record<string, string>> = {
  "/proc": "off 0 null at /proc",
  // as the remount of the bind left it
  "/tmp/hidden": "noaccess 0 null at /tmp/bound, /tmp/hidden",
  "/tmp/group": "noaccess 7 null at /tmp/group with other /meminfo",
  "/tmp/subset": "off 0 pid at /tmp/subset",
};

function mounted({ procfs, mountinfo }: Inventory): string[] {
  const { instances, wrong } = readProcfs(procfs);
  const host = instanceAt("/proc", instances, mountinfo);
  for (const [path, expected] of Object.entries(EXPECTED)) {
    const one = instanceAt(path, instances, mountinfo);
    if (one === undefined) {
      wrong.push(`no instance at ${path}`);
      continue;
    }
    const { hidepid, gid, subset, places, keeper } = one;
    // mounts of other namespaces have copies of the host's
    const own = places.filter((place) => place.mnt_ns === host?.places[0]?.mnt_ns);
    const covers = own.flatMap((place) => place.covers.map(({ kind, path: on }) => ` with ${kind} ${on}`));
    const paths = [...new Set(own.map((place) => place.path))].sort().join(", ");
    const found = `${hidepid} ${gid} ${subset} at ${paths}${covers.join("")}`;
    if (found !== expected) wrong.push(`${path}: ${found}, not ${expected}`);
    if (keeper !== "mounts") wrong.push(`${path} is kept by ${keeper}`);
    if (one.pid_ns !== host?.pid_ns) wrong.push(`${path} shows pid:[${one.pid_ns}]`);
    if (one.private !== (path !== "/proc")) wrong.push(`${path}: private is ${one.private}`);
  }
  return wrong;
}

function madeOf({ procfs, mountinfo, boxPidNs }: Inventory, release: string): string[] {
  const { instances, wrong } = readProcfs(procfs);
  const one = instanceAt("/tmp/inside", instances, mountinfo);
  if (!isAtLeast(release, 6, 17)) return one === undefined ? wrong : [...wrong, "there is one already"];
  if (one?.pid_ns !== boxPidNs) wrong.push(`it shows pid:[${one?.pid_ns}], not pid:[${boxPidNs}]`);
  return wrong;
}

/** The instance that the kernel says is mounted at `path`. */
function instanceAt(path: string, instances: readonly Instance[], mountinfo: string): Instance | undefined {
  const line = mountinfo.split("\n").find((one) => one.split(" ")[4] === path && one.includes(" - proc "));
  return instances.find(({ dev }) => dev === line?.split(" ")[2]);
}

function detached({ procfs, held }: Inventory): string[] {
  const { instances, wrong } = readProcfs(procfs);
  const nowhere = instances.filter(({ places }) => places.length === 0);
  const one = nowhere.find(({ holders }) =>
    holders.some(({ pid, fd }) => pid === held.pid && fd === held.fd),
  );
  if (one === undefined) return [...wrong, `held by ${held.pid} as ${held.fd}: ${JSON.stringify(nowhere)}`];
  if (one.keeper !== "files" || one.hidepid !== "invisible") wrong.push(JSON.stringify(one));
  if (!one.holders.every((holder) => holder.detached))
    wrong.push(`its mount is attached: ${JSON.stringify(one.holders)}`);
  return wrong;
}

function readProcfs({ status, stdout, stderr }: Inventory["procfs"]) {
  const wrong = status === 0 ? [] : [`it ended with status ${status}: ${stderr}`];
  const { instances } = JSON.parse(stdout) as { readonly instances: readonly Instance[] };
  return { instances, wrong };
}

function pids({ pid: { status, stdout, stderr }, boxPids }: Inventory): string[] {
  const wrong = status === 0 ? [] : [`it ended with status ${status}: ${stderr}`];
  const { processes } = JSON.parse(stdout) as {
    readonly processes: readonly { readonly pid_namespaces: readonly { readonly pid: number }[] }[];
  };
  const found = processes[0]?.pid_namespaces.map(({ pid }) => pid).reverse() ?? [];
  if (found.join() !== boxPids.join()) wrong.push(`it is ${found.join(", ")}, not ${boxPids.join(", ")}`);
  if (boxPids.length < 2) wrong.push("it is in no pid namespace of its own");
  return wrong;
}

function mounts({ mounts: text, boxMountinfo, agent }: Inventory): string[] {
  const wrong = agent.status === 0 ? [] : [`the agent ended with status ${agent.status}: ${agent.stderr}`];
  const table = JSON.parse(text) as {
    readonly complete: boolean;
    readonly reason: string | null;
    readonly mounts: readonly { readonly id: number; readonly point: string; readonly fsType: string }[];
  };
  if (!table.complete) wrong.push(`it is not complete: ${table.reason}`);
  const expected = boxMountinfo
    .trim()
    .split("\n")
    .map((line) => `${line.split(" ")[0]} ${line.split(" ")[4]} ${line.split(" - ")[1]?.split(" ")[0]}`);
  const found = table.mounts.map(({ id, point, fsType }) => `${id} ${point} ${fsType}`);
  for (const one of expected) if (!found.includes(one)) wrong.push(`${one} is missing`);
  for (const one of found) if (!expected.includes(one)) wrong.push(`${one} is not in mountinfo`);
  return wrong;
}
