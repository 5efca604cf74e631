import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import type { SyscallEvent } from "../../../src/event.js";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { callWitness } from "./witness.js";

/** A call as this test looks at it: its name, and how the event says that it ended. */
function endingOf({ syscall, ret, errno, outcome }: SyscallEvent): string {
  if (outcome?.seccomp !== undefined) return `${syscall} ended by seccomp`;
  if (outcome?.restarted !== undefined) return `${syscall} interrupted: ${outcome.restarted}`;
  if (ret === null) return `${syscall} never returned`;
  return `${syscall} ${errno ?? "returned"}`;
}

/** What each case must have been told as, after the three calls that every case begins with; threads in any order. */
const TOLD: Readonly<Record<string, readonly string[]>> = {
  "seccomp-errno": ["mount EACCES", "setns EPERM", "unshare returned"],
  "seccomp-trap": ["mount ended by seccomp", "unshare returned"],
  "seccomp-kill-thread": ["setns EBADF", "mount ended by seccomp", "unshare returned"],
  "seccomp-kill-process": ["mount ended by seccomp", "unshare returned"],
  "seccomp-notify": [
    "mount EXDEV",
    "mount returned",
    "mount returned",
    "mount interrupted: ERESTARTSYS",
    "mount returned",
    "mount interrupted: ERESTARTSYS",
  ],
  "clone-restarted": ["clone interrupted: ERESTARTNOINTR", "clone returned"],
  interrupted: [
    "mount returned",
    "fsopen returned",
    "fsconfig never returned",
    "fsmount EINTR",
    "unshare returned",
  ],
  "killed-waiting": ["mount returned", "mount never returned", "unshare returned"],
  "exited-waiting": ["mount returned", "mount never returned", "unshare returned"],
  "killed-faulting": ["mount never returned", "unshare returned"],
  vfork: ["unshare returned", "chroot ENOENT", "mount returned", "unshare returned"],
  "exec-in-thread": [
    ...["unshare returned", "unshare returned"],
    ...["unshare returned", "mount returned", "mount returned", "setns EBADF", "unshare returned"],
  ],
  "after-exec": ["setns EBADF", "unshare returned"],
  "every-namespace": [
    ...Array<string>(10).fill("clone3 returned"),
    ...Array<string>(7).fill("clone returned"),
  ],
};

describe("calls that do not simply return, as strace sees them", () => {
  const program = buildProgram("endings.c");
  const cases = spawnSync(program, ["--list"], { encoding: "utf8" }).stdout.trim().split("\n");
  const folder = temporaryFolder();
  const witness = callWitness();

  it("are all looked at", () => {
    assert.deepEqual(cases.toSorted(), Object.keys(TOLD).toSorted());
  });

  for (const name of cases) {
    it(name, async () => {
      const events = await witness([program, name, folder]);
      assert.deepEqual(events.slice(3).map(endingOf).sort(), TOLD[name]?.toSorted());
    });
  }
});
