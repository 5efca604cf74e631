import koffi from "koffi";
import { syscall } from "./libc.js";

/** bpf(2) is call 321 of x86-64 and 280 of arm64. */
const SYS_BPF = process.arch === "arm64" ? 280 : 321;
/** include/uapi/linux/bpf.h */
const BPF_PROG_LOAD = 5;
const BPF_PROG_TYPE_TRACING = 26;
const BPF_TRACE_FEXIT = 25;
/** Offsets into the part of union bpf_attr that BPF_PROG_LOAD reads, and its size since Linux 5.6. */
const ATTR = { type: 0, count: 4, instructions: 8, license: 16, attachType: 68, attachBtfId: 108, size: 120 };
/** r0 = 0; exit */
const PROGRAM = [0xb7n, 0x95n];
/** A type of every kernel's BTF that is no function. */
const NO_FUNCTION = 1;

/**
 * The errno's name for which this kernel refuses programs of trampolines (fentry, fexit) altogether, null where it does
 * not. One bpf(2) that loads nothing: such a program for what is no function. A kernel that would take one says EINVAL.
 */
export function trampolineRefusal(): string | null {
  const memory = koffi.alloc("uint8_t", 256) as bigint;
  try {
    const bytes = new DataView(koffi.view(memory, 256));
    const [instructions, license] = [memory + 128n, memory + 160n];
    for (let at = 0; at < 256; at++) bytes.setUint8(at, 0);
    bytes.setUint32(ATTR.type, BPF_PROG_TYPE_TRACING, true);
    bytes.setUint32(ATTR.count, PROGRAM.length, true);
    bytes.setBigUint64(ATTR.instructions, instructions, true);
    bytes.setBigUint64(ATTR.license, license, true);
    bytes.setUint32(ATTR.attachType, BPF_TRACE_FEXIT, true);
    bytes.setUint32(ATTR.attachBtfId, NO_FUNCTION, true);
    PROGRAM.forEach((instruction, index) => {
      bytes.setBigUint64(128 + index * 8, instruction, true);
    });
    for (const [index, letter] of [..."GPL"].entries()) bytes.setUint8(160 + index, letter.charCodeAt(0));
    const result = syscall(SYS_BPF, BPF_PROG_LOAD, Number(memory), ATTR.size);
    return result.ok || result.errno === "EINVAL" ? null : result.errno;
  } finally {
    koffi.free(memory);
  }
}
