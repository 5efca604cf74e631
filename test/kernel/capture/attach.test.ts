import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import type { AgentEvent } from "../../../src/event.js";
import { trampolineRefusal } from "../../../src/kernel/trampolines.js";
import { Agent } from "./agent.js";

const MAIN = fileURLToPath(new URL("../../../dist/keyhole.js", import.meta.url));

interface Start {
  readonly attach: string;
  readonly attach_reason: string;
  readonly object: string;
  readonly lacks: readonly string[];
}

/** The first event of an agent with these options, after it has ended well. */
async function startOf(options: readonly string[]): Promise<Start> {
  const agent = await Agent.start(options);
  assert.equal(await agent.stop(), 0);
  const [first] = agent.events as AgentEvent[];
  assert.equal(first?.state, "started");
  return first as unknown as Start;
}

describe("attach modes", () => {
  const refusal = trampolineRefusal();

  it("auto is fentry where the kernel takes it, else tracepoint, and the start says why", async () => {
    const { attach, attach_reason, object, lacks } = await startOf(["--attach", "auto"]);
    assert.equal(attach, refusal === null ? "fentry" : "tracepoint");
    assert.match(object, refusal === null ? /^fentry/ : /^capture/);
    if (refusal !== null) {
      assert.match(attach_reason, new RegExp(refusal));
      assert.ok(lacks.length > 0);
    }
  });

  it("tracepoint is what was asked for", async () => {
    const { attach, attach_reason } = await startOf(["--attach", "tracepoint"]);
    assert.deepEqual({ attach, attach_reason }, { attach: "tracepoint", attach_reason: "it was asked for" });
  });

  it("fentry ends with status 3 and the errno where the kernel refuses it", async () => {
    if (refusal === null) {
      assert.equal((await startOf(["--attach", "fentry"])).attach, "fentry");
      return;
    }
    const run = spawnSync(process.execPath, [MAIN, "run", "--listen", "off", "--attach", "fentry"], {
      encoding: "utf8",
    });
    assert.equal(run.status, 3);
    assert.equal(run.stdout, "");
    assert.match(run.stderr, /KEYHOLE_ATTACH/);
    assert.match(run.stderr, new RegExp(`found: +${refusal}`));
    assert.match(run.stderr, /--attach auto/);
  });
});
