import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const directory = mkdtempSync(join(tmpdir(), "libbpf-test-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));

/** Compiles test/bpf/NAME.bpf.c and returns the object's path; it is removed when the process ends. */
export function compile(name: string): string {
  const object = join(directory, `${name}.bpf.o`);
  const source = fileURLToPath(new URL(`bpf/${name}.bpf.c`, import.meta.url));
  // Debian keeps <asm/types.h> of the uapi headers in the multiarch directory, which -target bpf does not know.
  const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
  const args = ["-O2", "-g", "-Wall", "-Werror", "-target", "bpf", `-I/usr/include/${machine}-linux-gnu`];
  const { status, stderr, error } = spawnSync("clang", [...args, "-c", source, "-o", object], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`clang cannot compile ${source}: ${error?.message ?? stderr}`);
  return object;
}

/** Unsigned 32-bit and 64-bit integers as the bytes of map keys and values. */
export function u32(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

export function u64(...values: bigint[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(values).buffer);
}

/** The integer in bytes of any length. */
export function integer(bytes: Uint8Array | null): number {
  let value = 0;
  for (const byte of [...(bytes ?? [])].reverse()) value = value * 256 + byte;
  return value;
}
