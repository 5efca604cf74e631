/**
 * The paths that bpf/opens.h looks for, as an automaton that reads the names of a path from the root of its file system
 * down. It takes a wildcard within a name for any name: what it says yes to is looked at again where the event is made.
 */

/** The order of enum open_start in bpf/opens.h, by what the kernel calls the file system; `process` is a directory of one. */
const STARTS = [
  ...["", "proc", "process", "sysfs", "cgroup", "cgroup2", "binfmt_misc", "debugfs", "tracefs"],
  ...["securityfs", "bpf", "selinuxfs", "efivarfs", "pstore", "fusectl", "resctrl", "configfs", "nfsd"],
  "rpc_pipefs",
] as const;
export type OpenStart = Exclude<(typeof STARTS)[number], "">;

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

export interface OpenTable {
  /** `open_access` of bpf/opens.h. */
  readonly access: Uint8Array;
  readonly steps: readonly OpenStep[];
}

/** OPEN_STARTS, OPEN_NAME and the size of `open_states` in bpf/opens.h. */
const MAX_STARTS = 32;
const NAME_SIZE = 44;
const MAX_STEPS = 4096;

/** In pattern `pattern` before its name `at`; `within`: in the middle of what a `**` there stands for. */
interface Place {
  readonly pattern: OpenPattern;
  readonly at: number;
  readonly within: boolean;
}

/** Builds the table by the subset construction. Throws a RangeError where it does not fit the maps. */
export function buildOpenTable(patterns: readonly OpenPattern[]): OpenTable {
  const access = new Uint8Array(MAX_STARTS);
  const steps: OpenStep[] = [];
  const numbers = new Map<string, number>();
  const todo: { readonly state: number; readonly places: readonly Place[] }[] = [];
  const ids = new Map(patterns.map((pattern, index) => [pattern, index]));
  const numberOf = (places: readonly Place[]): number => {
    const key = places.map(({ pattern, at, within }) => `${ids.get(pattern)}.${at}.${Number(within)}`).join();
    let state = numbers.get(key);
    if (state === undefined) {
      state = MAX_STARTS + numbers.size;
      numbers.set(key, state);
      todo.push({ state, places });
    }
    return state;
  };
  for (const [state, start] of STARTS.entries()) {
    const own = patterns.filter((pattern) => pattern.start === start);
    if (own.length === 0) continue;
    access[state] = own.reduce((bits, pattern) => bits | pattern.access, 0);
    todo.push({ state, places: closure(own.map((pattern) => ({ pattern, at: 0, within: false }))) });
  }
  for (let work = todo.pop(); work !== undefined; work = todo.pop()) {
    for (const name of [...namesAt(work.places), ""]) {
      const places = closure(work.places.flatMap((place) => after(place, name)));
      if (places.length === 0) continue;
      steps.push({ state: work.state, name, next: numberOf(places), access: accessAt(places) });
    }
  }
  if (steps.length > MAX_STEPS) throw new RangeError(`${steps.length} steps, of which ${MAX_STEPS} fit`);
  return { access, steps };
}

/** struct open_step and struct open_state of bpf/opens.h. */
export function encodeStep({ state, name, next, access }: OpenStep): { key: Uint8Array; value: Uint8Array } {
  const key = new Uint8Array(4 + NAME_SIZE);
  new Uint32Array(key.buffer, 0, 1)[0] = state;
  const bytes = Buffer.from(name);
  // with the NUL at its end
  if (bytes.length >= NAME_SIZE) throw new RangeError(`${name} is longer than ${NAME_SIZE - 1} bytes`);
  key.set(bytes, 4);
  return { key, value: new Uint8Array(Uint32Array.of(next, access).buffer) };
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
