/** The arguments of a call, named and decoded as src/capture/calls.ts says. */
import type { Arg } from "../event.js";
import * as flags from "../kernel/flags.js";
import type { ArgKind, Call } from "./calls.js";
import { isSecret, REDACTED, redactOptions } from "./redact.js";
import { readText } from "./text.js";
import { type Field, Status, type Wire } from "./wire.js";

export interface Arguments {
  readonly args: Record<string, Arg>;
  readonly truncated: string[];
  readonly unreadable: Record<string, string>;
  readonly raw: Record<string, string>;
}

const AT_FDCWD = -100;

/** The low 32 bits as the C int that the kernel takes. */
function int(word: bigint): number {
  return Number(BigInt.asIntN(32, word));
}

function pointer(word: bigint): string | null {
  return word === 0n ? null : `0x${word.toString(16)}`;
}

/** Decodes the arguments of the record at `record`; `fields` are the record's. */
export function decodeArguments(wire: Wire, record: number, call: Call, fields: readonly Field[]): Arguments {
  const decoder = new Decoder(wire, record, fields);
  call.args.forEach(([name, how], index) => {
    decoder.result.args[name] = decoder.argument(name, index, how);
  });
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

  argument(name: string, index: number, how: ArgKind): Arg {
    const word = this.#wire.arg(this.#record, index);
    switch (how.kind) {
      case "fd":
      case "int":
        return int(word);
      case "unsigned":
        return Number(BigInt.asUintN(53, word));
      case "dirfd":
        return int(word) === AT_FDCWD ? "AT_FDCWD" : int(word);
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
    }
  }

  /** The bytes of an argument in memory; notes what could not be read, or was cut. */
  #field(name: string, index: number, word: bigint): Field | null {
    if (word === 0n) return null;
    const field = this.#fields.find(({ id }) => id === index);
    if (field === undefined || field.status === Status.fault) {
      this.result.unreadable[name] = "EFAULT";
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
    put("exit_signal", 4, (value) =>
      value === 0n ? 0 : flags.signalName(Number(BigInt.asUintN(32, value))),
    );
    put("stack", 5, pointer);
    put("stack_size", 6, (value) => `0x${value.toString(16)}`);
    put("tls", 7, pointer);
    put("set_tid", 8, pointer);
    put("set_tid_size", 9, Number);
    put("cgroup", 10, Number);
    return args;
  }

  /** Reads the 64-bit member `index` of a struct in memory; null behind its end. */
  #members(field: Field): (index: number) => bigint | null {
    return (index) => ((index + 1) * 8 <= field.length ? this.#wire.u64(field.at + index * 8) : null);
  }
}
