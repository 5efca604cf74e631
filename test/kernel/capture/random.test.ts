import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { rmSync } from "node:fs";
import { describe, it } from "node:test";
import { compileGenerator, ENTRIES, generatorCommand } from "../../oracle/generator.js";
import { CALLS } from "../../oracle/shapes.js";
import { callWitness } from "./witness.js";

const COUNT = 10_000;
/** Fewer than make calls: in each of ten rounds four threads, and their children. */
const THREADS = 100;

/** Of the kernel's random numbers, unless TEST_SEED is one. */
const SEED = Number(process.env.TEST_SEED ?? randomInt(2 ** 32));

describe("random calls, as strace sees them", {
  skip: process.arch !== "x64" && "the generator enters the kernel by the ways of x86",
}, () => {
  const witness = callWitness();

  for (const entry of ENTRIES) {
    it(`${COUNT} by ${entry}, TEST_SEED=${SEED}`, async () => {
      const { path, folder } = compileGenerator(entry);
      try {
        const events = await witness(generatorCommand(path, COUNT, SEED));
        const kinds = new Set(events.map(({ syscall }) => syscall));
        // 64-bit code has no umount(2) without flags
        assert.deepEqual(
          CALLS.filter((name) => !kinds.has(name)),
          entry === "x86_64" ? ["umount"] : [],
        );
        assert.ok(new Set(events.map(({ process }) => process.tid)).size > THREADS);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  }
});
