import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import type { FindingEvent } from "../../../src/event.js";
import { Agent } from "../capture/agent.js";
import { settle } from "../stories/settle.js";

/** A process of the host that becomes the first of a pid namespace, mounts its procfs there and stays: it executes nothing. */
const STUB = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.unshare(0x20020000) == 0
child = os.fork()
if child:
    print(child, flush=True)
    os.waitpid(child, 0)
else:
    assert libc.mount(None, b"/", None, 0x44000, None) == 0
    assert libc.mount(b"proc", b"/proc", b"proc", 0, None) == 0
    sys.stdin.read()
`;

describe("a program of the host in a container of its own", () => {
  let agent: Agent;

  before(async () => {
    agent = await Agent.start(["--inventory-interval", "1s"]);
  });

  after(async () => {
    assert.equal(await agent.stop(), 0);
  });

  it("is let make what it needs, and what it leaves exposed is told when it has had time for that", async () => {
    const stub = spawn("python3", ["-c", STUB], { stdio: ["pipe", "pipe", "inherit"] });
    try {
      const [line] = (await once(stub.stdout, "data")) as [Buffer];
      const pid = Number(String(line));
      const isAbout = ({ subject }: FindingEvent) => subject.pid === pid;
      const findings = () =>
        agent.events
          .filter((event): event is FindingEvent => event.type === "finding")
          .filter(isAbout)
          .map(({ severity, rule }) => `${severity} ${rule}`);
      await agent.until(
        "the mount",
        () =>
          agent.syscalls(({ process, outcome }) => process.pid === pid && outcome?.procfs !== undefined)
            .length > 0,
      );
      await settle(agent);
      await agent.until("what its /proc shows", () => findings().length > 0);
      // what it has of the host beside its /proc is told as well
      const told = new Set(findings());
      assert.ok(told.has("critical proc-unmasked"), [...told].join(", "));
      assert.ok(![...told].some((one) => one.includes("proc-mount-in-container")), [...told].join(", "));
    } finally {
      stub.stdin.end();
      await once(stub, "close");
    }
  });
});
