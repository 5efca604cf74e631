import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const REBUILD = "run: npm run build:bpf, and commit bpf/x64 and bpf/arm64";

/**
 * Each section of an ELF64 little-endian file by name (elf(5)), and its bytes: what names which part of a
 * committed object is not what the source says.
 */
function sections(file: string): Map<string, Buffer> {
  const elf = readFileSync(file);
  const offset = Number(elf.readBigUInt64LE(0x28));
  const size = elf.readUInt16LE(0x3a);
  const header = (index: number): Buffer => elf.subarray(offset + index * size, offset + (index + 1) * size);
  const content = (head: Buffer): Buffer => {
    const start = Number(head.readBigUInt64LE(0x18));
    return elf.subarray(start, start + Number(head.readBigUInt64LE(0x20)));
  };
  const names = content(header(elf.readUInt16LE(0x3e)));
  const found = new Map<string, Buffer>();
  for (let index = 1; index < elf.readUInt16LE(0x3c); index++) {
    const start = header(index).readUInt32LE(0);
    found.set(names.toString("latin1", start, names.indexOf(0, start)), content(header(index)));
  }
  return found;
}

describe("committed BPF objects", () => {
  let rebuilt = "";

  before(() => {
    rebuilt = mkdtempSync(join(tmpdir(), "keyhole-objects-"));
    const build = spawnSync(process.execPath, [join(ROOT, "scripts/build-bpf.js"), "--out", rebuilt], {
      encoding: "utf8",
    });
    assert.equal(build.status, 0, build.stderr);
  });

  after(() => rmSync(rebuilt, { recursive: true, force: true }));

  for (const arch of ["x64", "arm64"]) {
    it(`bpf/${arch} has an object for every source and no other`, () => {
      const committed = readdirSync(join(ROOT, "bpf", arch)).sort();
      assert.deepEqual(committed, readdirSync(join(rebuilt, arch)).sort(), REBUILD);
      assert.ok(committed.length > 0);
    });

    it(`bpf/${arch} holds the programs and types of the sources`, () => {
      for (const name of readdirSync(join(rebuilt, arch))) {
        const committed = sections(join(ROOT, "bpf", arch, name));
        const fresh = sections(join(rebuilt, arch, name));
        assert.ok(fresh.has(".BTF") && fresh.has(".BTF.ext"), `${name} was built without BTF`);
        const differing = [...new Set([...committed.keys(), ...fresh.keys()])].filter(
          (section) => !(committed.get(section)?.equals(fresh.get(section) ?? Buffer.alloc(0)) ?? false),
        );
        assert.deepEqual(differing, [], `sections of bpf/${arch}/${name} are not the source's; ${REBUILD}`);
      }
    });
  }

  it("names no path of the machine it was built on", () => {
    for (const name of readdirSync(join(rebuilt, "x64"))) {
      assert.ok(!readFileSync(join(rebuilt, "x64", name)).includes(ROOT), name);
    }
  });
});
