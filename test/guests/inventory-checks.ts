import type { Inventory } from "./results.js";

interface Instance {
  readonly dev: string;
  readonly pid_ns: number | null;
  readonly hidepid: string;
  readonly gid: number;
  readonly subset: string | null;
  readonly private: boolean | null;
  readonly keeper: string;
  readonly places: readonly { readonly path: string }[];
  readonly holders: readonly { readonly pid: number; readonly fd: number; readonly detached: boolean }[];
}

/** What must hold of procfs instances, pids and mounts; an empty list where it does. */
export const INVENTORY_CHECKS: Readonly<Record<string, (inventory: Inventory) => string[]>> = {
  "procfs has each instance with its options, where it is mounted": mounted,
  "procfs has an instance that is mounted nowhere, and who holds it": detached,
  "pid has what the kernel calls a process in each pid namespace": pids,
  "a running agent has the mount table of another namespace": mounts,
};

function mounted({ procfs, mountinfo }: Inventory): string[] {
  const { instances, wrong } = readProcfs(procfs);
  const found = (path: string): Instance | undefined => {
    // MAJOR:MINOR of what the kernel says is mounted there
    const dev = mountinfo
      .split("\n")
      .find((line) => line.split(" ")[4] === path)
      ?.split(" ")[2];
    return instances.find((one) => one.dev === dev);
  };
  const expected = {
    "/proc": "off 0 null",
    "/tmp/hidden": "invisible 0 null",
    "/tmp/group": "noaccess 7 null",
  };
  for (const [path, options] of Object.entries({ ...expected, "/tmp/subset": "off 0 pid" })) {
    const one = found(path);
    if (one === undefined) {
      wrong.push(`no instance at ${path}`);
      continue;
    }
    const { hidepid, gid, subset, places, keeper } = one;
    if (`${hidepid} ${gid} ${subset}` !== options)
      wrong.push(`${path}: ${hidepid} ${gid} ${subset}, not ${options}`);
    if (keeper !== "mounts" || !places.some((place) => place.path === path))
      wrong.push(`${path} is no place of it`);
    if (one.pid_ns !== found("/proc")?.pid_ns) wrong.push(`${path} shows pid:[${one.pid_ns}]`);
    if (one.private !== (path !== "/proc")) wrong.push(`${path}: private is ${one.private}`);
  }
  return wrong;
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
