import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { KERNELS } from "../guests/kernels.js";
import { MODES } from "../guests/results.js";

const PAGE = readFileSync(fileURLToPath(new URL("../../docs/kernels.md", import.meta.url)), "utf8");

/** Those that are run on demand only may stand there too. */
const ALWAYS = KERNELS.filter(({ onDemand }) => onDemand !== true);

describe("docs/kernels.md", () => {
  for (const { name, suite } of ALWAYS) {
    it(`has what was checked on kernel ${name}, in both modes, and what it lacks`, () => {
      for (const mode of MODES) {
        const row = new RegExp(
          `^\\| ${name} \\| ${suite} \\| \\d+\\.\\d+\\S* \\| \`${mode}\` \\| \\S+ \\| (\\d+) \\|$`,
          "m",
        );
        const [, passed = "0"] = row.exec(PAGE) ?? [];
        assert.ok(Number(passed) > 0, `no row of ${name} in mode ${mode}`);
      }
      assert.match(PAGE, new RegExp(`^### ${name}: Linux \\d`, "m"));
    });
  }

  it("has no other kernels", () => {
    const named = new Set([...PAGE.matchAll(/^\| (\S+) \| \S+ \| \d/gm)].map(([, name]) => name));
    for (const name of named)
      assert.ok(
        KERNELS.some((kernel) => kernel.name === name),
        name,
      );
    assert.ok(named.size >= ALWAYS.length);
  });
});
