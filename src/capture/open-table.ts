/**
 * The paths that bpf/opens.h looks for, as an automaton that reads the names of a path from the root of its file system
 * down. It takes a wildcard within a name for any name: what it says yes to is looked at again where the event is made.
 */

/** What file systems are looked at, by the kernel's name of their type. */
export const MAGIC = {
  proc: 0x9fa0n,
  sysfs: 0x62656572n,
  cgroup: 0x27e0ebn,
  cgroup2: 0x63677270n,
  binfmt_misc: 0x42494e4dn,
  debugfs: 0x64626720n,
  tracefs: 0x74726163n,
  securityfs: 0x73636673n,
  bpf: 0xcafe4a11n,
  selinuxfs: 0xf97cff8cn,
  efivarfs: 0xde5e81e4n,
  pstore: 0x6165676cn,
  // fs/fuse/control.c
  fusectl: 0x65735543n,
  resctrl: 0x7655821n,
  // fs/configfs/mount.c
  configfs: 0x62656570n,
  // fs/nfsd/nfsctl.c
  nfsd: 0x6e667364n,
  // net/sunrpc/rpc_pipe.c
  rpc_pipefs: 0x67596969n,
} as const;

/** The root of a file system, or the directory of a process in procfs. */
export type OpenStart = keyof typeof MAGIC | "process";

/** The first two have the numbers of enum open_known_state in bpf/opens.h. */
const STARTS = [
  "proc",
  "process",
  ...Object.keys(MAGIC).filter((fs) => fs !== "proc"),
] as readonly OpenStart[];

/** FMODE_READ and FMODE_WRITE, include/linux/fs.h. */
export const FMODE = { read: 1, write: 2, path: 0x4000 } as const;

/** Which files are told when they are opened for what. */
export interface OpenPattern {
  readonly start: OpenStart;
  /**
   * Names from the root of the file system down. `*` in one stands for any characters, `**` alone for one or more names,
   * `**?` alone for any number of names.
   */
  readonly names: readonly string[];
  /** FMODE.read, FMODE.write or both. */
  readonly access: number;
}

export interface OpenStep {
  readonly state: number;
  /** Empty: any name that has no step of its own. */
  readonly name: string;
  readonly next: number;
  /** How the files whose paths end after this step are opened when they are told. */
  readonly access: number;
}

export interface OpenRoot {
  readonly magic: bigint;
  readonly state: number;
  /** How any file of the file system is opened when it is told. */
  readonly access: number;
}

export interface OpenTable {
  readonly roots: readonly OpenRoot[];
  readonly steps: readonly OpenStep[];
}

/** OPEN_ANY: there is a step for any name without one of its own. */
const OPEN_ANY = 0x100;
/** OPEN_NAME and the size of `open_states` in bpf/opens.h. */
const NAME_SIZE = 40;
const MAX_STEPS = 4096;

/** In pattern `pattern` before its name `at`; `within`: in the middle of what a `**` there stands for. */
interface Place {
  readonly pattern: OpenPattern;
  readonly at: number;
  readonly within: boolean;
}

/** Builds the table by the subset construction. Throws a RangeError where it does not fit the maps. */
export function buildOpenTable(patterns: readonly OpenPattern[]): OpenTable {
  const roots: OpenRoot[] = [];
  const steps: OpenStep[] = [];
  const numbers = new Map<string, number>();
  const todo: { readonly state: number; readonly places: readonly Place[] }[] = [];
  const ids = new Map(patterns.map((pattern, index) => [pattern, index]));
  const anyOf = (places: readonly Place[]): number =>
    places.some((place) => after(place, "").length > 0) ? OPEN_ANY : 0;
  const numberOf = (places: readonly Place[]): number => {
    const key = places.map(({ pattern, at, within }) => `${ids.get(pattern)}.${at}.${Number(within)}`).join();
    let state = numbers.get(key);
    if (state === undefined) {
      state = STARTS.length + 1 + numbers.size;
      numbers.set(key, state);
      todo.push({ state, places });
    }
    return state;
  };
  for (const [index, start] of STARTS.entries()) {
    const own = patterns.filter((pattern) => pattern.start === start);
    // what is in the directories of processes is in procfs
    const within = start === "proc" ? patterns.filter((pattern) => pattern.start === "process") : [];
    const access = [...own, ...within].reduce((bits, pattern) => bits | pattern.access, 0);
    const state = index + 1;
    if (access === 0) continue;
    const places = closure(own.map((pattern) => ({ pattern, at: 0, within: false })));
    if (start !== "process") roots.push({ magic: MAGIC[start], state, access: access | anyOf(places) });
    todo.push({ state, places });
  }
  for (let work = todo.pop(); work !== undefined; work = todo.pop()) {
    for (const name of [...namesAt(work.places), ""]) {
      const places = closure(work.places.flatMap((place) => after(place, name)));
      if (places.length === 0) continue;
      steps.push({
        state: work.state,
        name,
        next: numberOf(places),
        access: accessAt(places) | anyOf(places),
      });
    }
  }
  if (steps.length > MAX_STEPS) throw new RangeError(`${steps.length} steps, of which ${MAX_STEPS} fit`);
  return { roots, steps };
}

/** struct open_step and struct open_state of bpf/opens.h. */
export function encodeStep({ state, name, next, access }: OpenStep): { key: Uint8Array; value: Uint8Array } {
  const key = new Uint8Array(NAME_SIZE + 8);
  new BigUint64Array(key.buffer, NAME_SIZE, 1)[0] = BigInt(state);
  const bytes = Buffer.from(name);
  // with the NUL at its end
  if (bytes.length >= NAME_SIZE) throw new RangeError(`${name} is longer than ${NAME_SIZE - 1} bytes`);
  key.set(bytes);
  return { key, value: new Uint8Array(Uint32Array.of(next, access).buffer) };
}

/** `open_filter` of bpf/opens.h. */
export function filterOf(roots: readonly OpenRoot[]): Uint8Array {
  const filter = new Uint8Array(256);
  for (const { magic, access } of roots) {
    const index = Number((magic ^ (magic >> 8n) ^ (magic >> 16n) ^ (magic >> 24n)) & 0xffn);
    filter[index]! |= access & 0xff;
  }
  return filter;
}

/** A key of `open_roots`, and struct open_state. */
export function encodeRoot({ magic, state, access }: OpenRoot): { key: Uint8Array; value: Uint8Array } {
  return {
    key: new Uint8Array(BigUint64Array.of(magic).buffer),
    value: new Uint8Array(Uint32Array.of(state, access).buffer),
  };
}

/** With the places that are reached without a name: behind a `**` that has had one, and behind a `**?`. */
function closure(places: readonly Place[]): Place[] {
  const all = new Map<string, Place>();
  const add = (place: Place): void => {
    const key = `${place.pattern.start}/${place.pattern.names.join("/")}:${place.pattern.access}:${place.at}:${place.within}`;
    if (all.has(key)) return;
    all.set(key, place);
    const token = place.pattern.names[place.at];
    if ((token === "**" && place.within) || token === "**?")
      add({ pattern: place.pattern, at: place.at + 1, within: false });
  };
  for (const place of places) add(place);
  return [...all.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, place]) => place);
}

/** The names without wildcards that lead on. */
function namesAt(places: readonly Place[]): Set<string> {
  const tokens = places.map(({ pattern, at }) => pattern.names[at]);
  return new Set(tokens.filter((token): token is string => token !== undefined && !token.includes("*")));
}

/** Where `name` leads; empty: any other name than those that are written out somewhere. */
function after({ pattern, at }: Place, name: string): Place[] {
  const token = pattern.names[at];
  if (token === undefined) return [];
  if (token === "**" || token === "**?") return [{ pattern, at, within: true }];
  const leads = token.includes("*") ? name === "" || globMatches(token, name) : token === name;
  return leads ? [{ pattern, at: at + 1, within: false }] : [];
}

function globMatches(glob: string, name: string): boolean {
  const [first = "", ...rest] = glob.split("*");
  const last = rest.pop() ?? "";
  if (!name.startsWith(first) || !name.endsWith(last) || name.length < first.length + last.length)
    return false;
  let at = first.length;
  for (const part of rest) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return at <= name.length - last.length;
}

/** How the files are opened whose paths may end here. */
function accessAt(places: readonly Place[]): number {
  return places.reduce(
    (bits, { pattern, at }) => bits | (at === pattern.names.length ? pattern.access : 0),
    0,
  );
}
