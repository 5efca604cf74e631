/** The arguments of a call, named and decoded as src/capture/calls.ts says. */
import type { Arg } from "../event.js";
import * as flags from "../kernel/flags.js";
import { openFlagNames, RESOLVE, takesMode } from "../kernel/open-flags.js";
import type { ArgKind, Call } from "./calls.js";
import { isSecret, REDACTED, redactOptions } from "./redact.js";
import { readText } from "./text.js";
import { EVENT, type Field, Status, type Wire } from "./wire.js";

export interface Arguments {
  readonly args: Record<string, Arg>;
  readonly truncated: string[];
  /** Why an argument could not be read, by its name. */
  readonly unreadable: Record<string, Unreadable>;
  readonly raw: Record<string, string>;
}

/**
 * EFAULT: the call failed for an address like it. not-resident: no page was mapped there when it was looked at, or none
 * that is in memory; the kernel may have read it, or had no need to. gone: seccomp ended the thread, and its memory with
 * it. no-room: the record was full.
 */
export type Unreadable = "EFAULT" | "not-resident" | "gone" | "no-room";

const EFAULT = -14n;
const MAX_SIGNAL = 64n;
/** KH_ABI_COMPAT */
const COMPAT = 1;
const AT_FDCWD = -100;
/** include/uapi/linux/fcntl.h since Linux 7.3: a root in which every path fails. */
const FD_FAILFS_ROOT = -10004;

/** The low 32 bits as the C int that the kernel takes. */
function int(word: bigint): number {
  return Number(BigInt.asIntN(32, word));
}

function pointer(word: bigint): string | null {
  return word === 0n ? null : `0x${word.toString(16)}`;
}

/** As chmod(1) and strace(1) write a mode. */
function octal(mode: bigint): string {
  return `0${mode.toString(8)}`;
}

/**
 * Whether clone(2) has `tls` before `child_tid`: CONFIG_CLONE_BACKWARDS of i386, arm64 and arm, but not of x86-64. `abi`
 * is enum kh_abi.
 */
function isCloneBackwards(abi: number): boolean {
  return process.arch === "arm64" || abi === COMPAT;
}

/** Decodes the arguments of the record at `record`; `fields` are the record's. */
export function decodeArguments(wire: Wire, record: number, call: Call, fields: readonly Field[]): Arguments {
  const decoder = new Decoder(wire, record, fields);
  const { args } = decoder.result;
  const backwards = call.name === "clone" && isCloneBackwards(wire.u8(record + EVENT.abi));
  for (let index = 0; index < call.args.length; index++) {
    const [name, how] = call.args[index]!;
    const value = decoder.argument(name, backwards && index >= 3 ? 7 - index : index, how);
    if (value !== undefined) args[name] = value;
  }
  return decoder.result;
}

class Decoder {
  readonly result: Arguments = { args: {}, truncated: [], unreadable: {}, raw: {} };
  readonly #wire: Wire;
  readonly #record: number;
  readonly #fields: readonly Field[];

  constructor(wire: Wire, record: number, fields: readonly Field[]) {
    this.#wire = wire;
    this.#record = record;
    this.#fields = fields;
  }

  /** Undefined for an argument that the call does not look at. */
  argument(name: string, index: number, how: ArgKind): Arg | undefined {
    const word = this.#wire.arg(this.#record, index);
    switch (how.kind) {
      case "fd":
      case "int":
        return int(word);
      case "unsigned":
        return word <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(word) : String(word);
      case "dirfd":
        return int(word) === AT_FDCWD ? "AT_FDCWD" : int(word);
      case "root-fd":
        return int(word) === FD_FAILFS_ROOT ? "FD_FAILFS_ROOT" : int(word);
      case "pointer":
        return pointer(word);
      case "string":
        return this.#string(name, index, word);
      case "options":
        return this.#string(name, index, word, redactOptions);
      case "flags":
        return flags.flagNames(how.bits === 32 ? BigInt.asUintN(32, word) : word, how.table);
      case "mount-flags":
        return flags.mountFlagNames(word);
      case "clone-flags":
        return flags.cloneFlagNames(word);
      case "fsconfig-command":
        return (
          flags.FSCONFIG_COMMANDS[Number(BigInt.asUintN(32, word))] ??
          `0x${BigInt.asUintN(32, word).toString(16)}`
        );
      case "fsconfig-value":
        return this.#fsconfigValue(name, index, word);
      case "fsconfig-aux":
        return this.#fsconfigAux(int(word));
      case "mount-attr":
        return this.#mountAttr(name, index, word);
      case "clone-args":
        return this.#cloneArgs(name, index, word);
      case "open-flags":
        return openFlagNames(BigInt.asUintN(32, word));
      case "open-mode":
        return this.#openMode(index, word);
      case "open-how":
        return this.#openHow(name, index, word);
    }
  }

  /** The bytes of an argument in memory; notes what could not be read, or was cut. */
  #field(name: string, index: number, word: bigint): Field | null {
    if (word === 0n) return null;
    const field = this.#fields.find(({ id }) => id === index);
    if (field === undefined) {
      // bpf/killed.h sends the head alone
      this.result.unreadable[name] = this.#fields.length === 0 ? "gone" : "no-room";
      return null;
    }
    if (field.status === Status.fault) {
      const faulted = this.#wire.i64(this.#record + EVENT.ret) === EFAULT;
      this.result.unreadable[name] = faulted ? "EFAULT" : "not-resident";
      return null;
    }
    if (field.status === Status.cut) this.result.truncated.push(name);
    return field;
  }

  #string(name: string, index: number, word: bigint, redact = (text: string) => text): string | null {
    const field = this.#field(name, index, word);
    if (field === null) return null;
    const { text, raw } = readText(this.#wire.bytes, field.at, field.at + field.length);
    const shown = redact(text);
    if (raw !== null && shown === text) this.result.raw[`args.${name}`] = raw;
    return shown;
  }

  #fsconfigValue(name: string, index: number, word: bigint): Arg {
    const command = this.result.args.cmd;
    switch (command) {
      case "FSCONFIG_SET_STRING":
      case "FSCONFIG_SET_PATH":
      case "FSCONFIG_SET_PATH_EMPTY": {
        const secret = typeof this.result.args.key === "string" && isSecret(this.result.args.key);
        return this.#string(name, index, word, secret ? () => REDACTED : undefined);
      }
      case "FSCONFIG_SET_BINARY": {
        const field = this.#field(name, index, word);
        if (field === null) return null;
        if (typeof this.result.args.key === "string" && isSecret(this.result.args.key)) return REDACTED;
        return { base64: this.#wire.bytes.toString("base64", field.at, field.at + field.length) };
      }
      default:
        return pointer(word);
    }
  }

  /** A directory to two of the commands, to others a length, a descriptor or 0. */
  #fsconfigAux(aux: number): Arg {
    const { cmd } = this.result.args;
    const isDirectory = cmd === "FSCONFIG_SET_PATH" || cmd === "FSCONFIG_SET_PATH_EMPTY";
    return isDirectory && aux === AT_FDCWD ? "AT_FDCWD" : aux;
  }

  /** struct mount_attr of mount_setattr(2) */
  #mountAttr(name: string, index: number, word: bigint): Arg {
    const field = this.#field(name, index, word);
    if (field === null) return null;
    const member = this.#members(field);
    const attr: Record<string, Arg> = {};
    const [set, clear, propagation, userns] = [member(0), member(1), member(2), member(3)];
    if (set !== null) attr.attr_set = flags.flagNames(set, flags.MOUNT_ATTR);
    if (clear !== null) attr.attr_clr = flags.flagNames(clear, flags.MOUNT_ATTR);
    if (propagation !== null) attr.propagation = flags.flagNames(propagation, flags.PROPAGATION);
    if (userns !== null) attr.userns_fd = Number(BigInt.asIntN(64, userns));
    return attr;
  }

  /** struct clone_args of clone3(2), as much of it as the caller gave */
  #cloneArgs(name: string, index: number, word: bigint): Arg {
    const field = this.#field(name, index, word);
    if (field === null) return null;
    const member = this.#members(field);
    const args: Record<string, Arg> = {};
    const put = (key: string, at: number, decode: (value: bigint) => Arg) => {
      const value = member(at);
      if (value !== null) args[key] = decode(value);
    };
    put("flags", 0, (value) => flags.flagNames(value, flags.CLONE3_FLAGS));
    put("pidfd", 1, pointer);
    put("child_tid", 2, pointer);
    put("parent_tid", 3, pointer);
    put("exit_signal", 4, (value) => {
      if (value === 0n) return 0;
      // all 64 bits count: what is above the signal makes the kernel refuse it
      return value <= MAX_SIGNAL ? flags.signalName(Number(value)) : `0x${value.toString(16)}`;
    });
    put("stack", 5, pointer);
    put("stack_size", 6, (value) => `0x${value.toString(16)}`);
    put("tls", 7, pointer);
    put("set_tid", 8, pointer);
    put("set_tid_size", 9, Number);
    put("cgroup", 10, Number);
    return args;
  }

  /** Stands behind the flags, which say whether it counts; creat(2) has none and always takes it. */
  #openMode(index: number, word: bigint): Arg | undefined {
    const counts = index === 1 || takesMode(BigInt.asUintN(32, this.#wire.arg(this.#record, index - 1)));
    return counts ? octal(BigInt.asUintN(16, word)) : undefined;
  }

  /** struct open_how of openat2(2) */
  #openHow(name: string, index: number, word: bigint): Arg {
    const field = this.#field(name, index, word);
    if (field === null) return null;
    const member = this.#members(field);
    const how: Record<string, Arg> = {};
    const [bits, mode, resolve] = [member(0), member(1), member(2)];
    if (bits !== null) how.flags = openFlagNames(bits);
    if (mode !== null && bits !== null && takesMode(bits)) how.mode = octal(mode);
    if (resolve !== null) how.resolve = flags.flagNames(resolve, RESOLVE);
    return how;
  }

  /** Reads the 64-bit member `index` of a struct in memory; null behind its end. */
  #members(field: Field): (index: number) => bigint | null {
    return (index) => ((index + 1) * 8 <= field.length ? this.#wire.u64(field.at + index * 8) : null);
  }
}
