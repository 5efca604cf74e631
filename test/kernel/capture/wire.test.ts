import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { objectPath } from "../../../src/capture/object.js";
import * as wire from "../../../src/capture/wire.js";

interface BtfType {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly size?: number;
  readonly members?: readonly { readonly name: string; readonly bits_offset: number }[];
}

function typesOf(object: string): BtfType[] {
  const json = execFileSync("bpftool", ["-j", "btf", "dump", "file", object], { maxBuffer: 1 << 26 });
  return (JSON.parse(json.toString()) as { types: BtfType[] }).types;
}

const STRUCTS = {
  kh_event: wire.EVENT,
  kh_nsfs: wire.NSFS,
  kh_pidfd: wire.PIDFD,
  kh_fscontext: wire.FSCONTEXT,
  kh_superblock: wire.SUPERBLOCK,
  kh_file: wire.FILE,
  kh_mount: wire.MOUNT,
  kh_namespace: wire.NAMESPACE,
  kh_ns_mount: wire.NS_MOUNT,
  kh_open_file: wire.OPEN_FILE,
  kh_opened: wire.OPENED,
  kh_summary_key: wire.SUMMARY_KEY,
  kh_summary: wire.SUMMARY,
} as const;

/** Compiles the header for BPF: an object names only the types that its maps and functions mention. */
function typesOfHeader(directory: string): BtfType[] {
  const source = join(directory, "structs.c");
  const object = join(directory, "structs.o");
  const variables = Object.keys(STRUCTS).map((name) => `struct ${name} a_${name};`);
  writeFileSync(source, ['#include "event.h"', ...variables, ""].join("\n"));
  const headers = fileURLToPath(new URL("../../../bpf", import.meta.url));
  const flags = ["-target", "bpf", "-D__TARGET_ARCH_x86", "-g", "-O2", "-I", headers];
  execFileSync("clang", [...flags, "-c", source, "-o", object]);
  return typesOf(object);
}

/** Offsets and size of a struct, in bytes, as the compiler laid it out. */
function layout(types: readonly BtfType[], name: string): Record<string, number> {
  const struct = types.find((type) => type.kind === "STRUCT" && type.name === name);
  assert.ok(struct?.members, `the object has no struct ${name}`);
  const offsets = struct.members.map((member) => [member.name, member.bits_offset / 8] as const);
  return { ...Object.fromEntries(offsets), sizeof: struct.size! };
}

describe("the wire layout", () => {
  const directory = mkdtempSync(join(tmpdir(), "keyhole-wire-"));
  after(() => rmSync(directory, { recursive: true }));
  const types = typesOfHeader(directory);
  for (const [struct, expected] of Object.entries(STRUCTS)) {
    it(`reads struct ${struct} where the programs write it`, () => {
      const actual = layout(types, struct);
      for (const [member, offset] of Object.entries(expected)) {
        assert.equal(offset, actual[member], `${struct}.${member}`);
      }
    });
  }

  it("reads struct chunk of the superblocks where the program writes it", () => {
    const { count, state, next, superblocks } = layout(typesOf(objectPath("probes")), "chunk");
    assert.deepEqual({ count, state, next, superblocks }, { count: 0, state: 4, next: 8, superblocks: 16 });
  });
});
