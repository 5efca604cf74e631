import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { callWitness } from "./witness.js";

describe("the calls of native programs, as strace sees them", () => {
  const calls = buildProgram("calls.c");
  const cases = spawnSync(calls, ["--list"], { encoding: "utf8" }).stdout.trim().split("\n");
  const folder = temporaryFolder();
  const witness = callWitness();

  for (const name of cases) {
    it(name, async () => {
      const events = await witness([calls, name, folder]);
      if (name === "hostile-strings") {
        const names = new Set(events.map(({ process }) => process.comm));
        assert.deepEqual([...names], ["calls", '\u001b[31mx\n"\ufffd']);
      }
    });
  }
});
