import { describe, it } from "node:test";
import { BUBBLEWRAP } from "../../oracle/rows/bubblewrap.js";
import { commandOf } from "../../oracle/rows/row.js";
import { RUNC } from "../../oracle/rows/runc.js";
import { UTIL_LINUX } from "../../oracle/rows/util-linux.js";
import { temporaryFolder } from "../../programs/build.js";
import { callWitness } from "./witness.js";

// Those of the other tools, and of newer versions of these, are run by `npm run oracle -- --suite`.
for (const [tool, rows] of Object.entries({ "util-linux": UTIL_LINUX, runc: RUNC, bubblewrap: BUBBLEWRAP })) {
  describe(`the calls of ${tool}, as strace sees them`, () => {
    const folder = temporaryFolder();
    const witness = callWitness();

    for (const row of rows) {
      it(row.name, async () => {
        await witness(commandOf(row, folder));
      });
    }
  });
}
