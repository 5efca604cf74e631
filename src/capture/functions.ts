/** Which functions of the kernel are the calls of the list: what the programs of bpf/trampolines.h are attached to. */
import { isSince } from "../kernel/release.js";
import { CALL_BY_OP, CALLS, callTable } from "./calls.js";

export type Abi = "native" | "compat";

/** Programs of the same suffix run when a function is entered (`enter_…`) and when it returns (`leave_…`). */
export interface CallFunction {
  readonly suffix: string;
  readonly call: string;
  readonly abi: Abi;
}

/** Linux that a call came with, for calls that a supported kernel may lack. */
const SINCE: Readonly<Record<string, readonly [number, number]>> = {
  mount_setattr: [5, 12],
  open_tree_attr: [6, 15],
  fchroot: [7, 3],
};

/** The functions are named after the calls but for these. */
const NAMES: Readonly<Record<string, string>> = { umount2: "umount", umount: "oldumount" };

/** On arm64 both tables of system calls have the same functions. */
const SEPARATE_COMPAT = process.arch === "x64";

/** Every call of the list in every ABI of this machine. */
export function callFunctions(): CallFunction[] {
  const table = callTable(process.arch);
  const functions: CallFunction[] = [];
  for (const { op, name: call } of CALLS) {
    const suffix = NAMES[call] ?? call;
    if (table.some((both) => (both & 0xff) === op)) functions.push({ suffix, call, abi: "native" });
    if (table.some((both) => both >> 8 === op)) {
      functions.push({ suffix: SEPARATE_COMPAT ? `ia32_${suffix}` : suffix, call, abi: "compat" });
    }
  }
  return functions;
}

/** callTable() with those of `functions` alone. */
export function tableOf(functions: readonly CallFunction[]): Uint16Array {
  const table = callTable(process.arch);
  const has = (op: number, abi: Abi): boolean =>
    functions.some((one) => one.abi === abi && one.call === CALL_BY_OP[op]?.name);
  return table.map(
    (both) => (has(both & 0xff, "native") ? both & 0xff : 0) | (has(both >> 8, "compat") ? both & 0xff00 : 0),
  );
}

/** Does this kernel have the call at all? By its version: what it has and has no type for must be seen another way. */
export function isInKernel(call: string): boolean {
  const since = SINCE[call];
  return since === undefined || isSince(...since);
}
