import { readFileSync } from "node:fs";

const VMLINUX = "/sys/kernel/btf/vmlinux";
/** struct btf_header, include/uapi/linux/btf.h: the section of strings starts at hdr_len + str_off. */
const HEADER_LENGTH = 4;
const STRINGS_OFFSET = 16;
const STRINGS_LENGTH = 20;

/**
 * Which of `names` (identifiers of C) are in the kernel's own types (BTF). Meant for names that only a function can have:
 * the strings are searched, which takes a few milliseconds, and not the 150,000 types behind them. Throws where the
 * kernel has no BTF.
 */
export function btfNames(names: Iterable<string>, file = VMLINUX): Set<string> {
  const btf = readFileSync(file);
  const start = btf.readUInt32LE(HEADER_LENGTH) + btf.readUInt32LE(STRINGS_OFFSET);
  const strings = btf.toString("latin1", start, start + btf.readUInt32LE(STRINGS_LENGTH));
  // each string is ended by a NUL, and the first one is empty
  const found = strings.matchAll(new RegExp(`(?<=\0)(?:${[...names].join("|")})(?=\0)`, "g"));
  return new Set([...found].map(([name]) => name));
}
