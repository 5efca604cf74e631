import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { RUNC_SCENARIOS } from "../../benign/runc.js";
import { BenignSuite } from "../../benign/suite.js";
import { hostScenarios } from "../../benign/tools.js";
import { BUBBLEWRAP } from "../../oracle/rows/bubblewrap.js";
import { commandOf } from "../../oracle/rows/row.js";
import { Agent } from "../capture/agent.js";
import { settle } from "../stories/settle.js";

/** The whole of it, with other runtimes and many more containers, is `npm run test:benign`. */
describe("benign work", () => {
  const lines: string[] = [];
  let agent: Agent;
  let suite: BenignSuite;

  before(async () => {
    agent = await Agent.start(["--inventory-interval", "1s"]);
    await settle(agent);
    suite = new BenignSuite(agent, { line: (text) => lines.push(text), progress: () => {} });
  });

  after(async () => {
    assert.equal(await agent.stop(), 0);
  });

  function assertSilent(atLeast: number): void {
    const { silent, loud, notCovered } = suite.totals;
    assert.deepEqual({ loud, notCovered }, { loud: 0, notCovered: 0 }, lines.join("\n"));
    assert.ok(silent >= atLeast, lines.join("\n"));
  }

  it("of runc is silent: containers of several specs, entered and ended", async () => {
    await suite.runc(RUNC_SCENARIOS, RUNC_SCENARIOS.length);
    assertSilent(RUNC_SCENARIOS.length);
  });

  for (const scenario of hostScenarios()) {
    it(`of ${scenario.tool} is silent`, async () => {
      await suite.tool(scenario);
      assertSilent(scenario.rows.length);
    });
  }

  it("of bubblewrap is silent", async () => {
    const rows = BUBBLEWRAP.filter(({ name }) => /--unshare-all$|--proc|without privilege/.test(name));
    assert.ok(rows.length >= 3);
    await suite.tool({ tool: "bubblewrap", rows, command: commandOf });
    assertSilent(rows.length);
  });
});
