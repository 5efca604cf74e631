import koffi from "koffi";
import type { LibbpfFunctions, Pointer } from "./library.js";

/** A global variable of a BPF object: bytes `offset` to `offset + size` of the map of its section. */
export interface GlobalVariable {
  readonly section: string;
  readonly offset: number;
  readonly size: number;
}

/** linux/btf.h: the kind is bits 24 to 28 of `info`, the number of members bits 0 to 15. */
const BTF_KIND_DATASEC = 15;
/** struct btf_type: name_off, info, size or type. */
const TYPE_WORDS = 3;
/** struct btf_var_secinfo: type, offset, size. */
const MEMBER_WORDS = 3;

/** `.rodata`, `.data` and `.bss`, also with a suffix (`.rodata.names`); not `.maps`, `license`, `.ksyms`. */
const GLOBAL_SECTION = /^\.(rodata|data|bss)(\.|$)/;

/** An object's global variables by name, from its BTF as libbpf completed it (clang leaves offsets at 0). */
export function readGlobals(
  functions: LibbpfFunctions,
  object: Pointer,
): ReadonlyMap<string, GlobalVariable> {
  const globals = new Map<string, GlobalVariable>();
  const btf = functions.object_btf(object);
  if (btf === null) return globals;
  const count = functions.btf_type_count(btf);
  for (let id = 1; id < count; id++) {
    const type = functions.btf_type(btf, id);
    if (type === null) continue;
    const [nameOffset = 0, info = 0] = words(type, TYPE_WORDS);
    if (((info >>> 24) & 0x1f) !== BTF_KIND_DATASEC) continue;
    const section = functions.btf_name(btf, nameOffset) ?? "";
    if (!GLOBAL_SECTION.test(section)) continue;
    const members = words(type, TYPE_WORDS + (info & 0xffff) * MEMBER_WORDS).subarray(TYPE_WORDS);
    for (let member = 0; member < members.length; member += MEMBER_WORDS) {
      const [typeId = 0, offset = 0, size = 0] = members.subarray(member, member + MEMBER_WORDS);
      const variable = functions.btf_type(btf, typeId);
      if (variable === null) continue;
      const name = functions.btf_name(btf, words(variable, 1)[0] ?? 0);
      if (name !== null && name !== "") globals.set(name, { section, offset, size });
    }
  }
  return globals;
}

function words(pointer: Pointer, count: number): Uint32Array {
  return koffi.decode(pointer, "uint32_t", count) as Uint32Array;
}
