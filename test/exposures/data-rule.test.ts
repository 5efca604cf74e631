import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Exposures } from "../../src/exposures/engine.js";
import { runcMounts } from "../mounts/mountinfo-text.js";
import { container, HOST_NS, HOST_PROC_DEV } from "./container.js";
import { load, ruleText } from "./rule-files.js";

const CONTAINER = { id: "c1", runtime: null, name: null, image: null, pod: null };

function engine(t: TestContext, text: string): Exposures {
  const { rules, lines } = load(t, { "a.yaml": text });
  assert.deepEqual(lines, []);
  return new Exposures({ rules, hostProcDev: HOST_PROC_DEV });
}

test("a rule on: container is told of, and resolved when it holds no more or is taken away", (t) => {
  const rule = ruleText("many-procfs", {
    on: "container",
    syscalls: null,
    condition: `'"/proc" in procfs.points && container.realroot'`,
    severity: "[{ when: container.sysadmin, is: high }, { is: low }]",
    evidence: '"{procfs.count} procfs at {procfs.points} of {container.id}"',
    check: '"cat /proc/{process.pid}/mountinfo"',
  });
  const exposures = engine(t, `rules:\n${rule}`);
  const view = container(runcMounts());
  const own = (changes: ReturnType<Exposures["posture"]>) =>
    changes.filter(({ rule: id }) => id === "many-procfs");
  const [finding] = own(exposures.posture(view));
  assert.equal(finding?.state, "open");
  assert.equal(finding?.severity, view.sysAdmin ? "high" : "low");
  assert.deepEqual(finding?.evidence, [
    { fact: `1 procfs at /proc of ${view.container.id}`, check: `cat /proc/${view.task.pid}/mountinfo` },
  ]);
  const [gone] = own(exposures.posture({ ...view, realRoot: false }));
  assert.deepEqual([gone?.state, gone?.reason], ["resolved", "no longer holds"]);
  assert.equal(own(exposures.posture(view))[0]?.state, "open");
  exposures.use(load(t, {}).rules);
  assert.equal(own(exposures.posture(view))[0]?.reason, "the rule was removed");
});

test("a rule on: story is asked about its file systems, and spared by exceptions", (t) => {
  const rule = ruleText("kept-procfs", {
    on: "story",
    syscalls: null,
    filesystems: "[proc]",
    condition: 'story.state == "kept" && "fsopen" in story.steps',
    evidence: '"{process.exe} kept a procfs in {story.length} steps"',
  });
  const exception =
    "exceptions:\n  - name: ours\n    rules: [kept-procfs]\n    description: x\n    fields: process.exe\n    values: [/ours]\n";
  const exposures = engine(t, `rules:\n${rule}${exception}`);
  const process = {
    ...{
      pid: 9,
      tid: 9,
      ppid: 1,
      uid: 0,
      gid: 0,
      comm: "x",
      exe: "/theirs",
      start: "1",
      ns_pid: 2,
      parent: null,
    },
  };
  const step = {
    time: "2026-11-23T00:00:00.000000000Z",
    args: {},
    ret: 3,
    actor: { pid: 9, tid: 9, comm: "x" },
  };
  const story = {
    type: "story",
    time: step.time,
    id: "s-1",
    kind: "mount",
    state: "kept",
    began: step.time,
    ended: null,
    fs_type: "proc",
    process,
    container: CONTAINER,
    steps: [{ ...step, syscall: "fsopen" }],
    steps_omitted: 2,
    seq: 5,
  } as const;
  const context = { hostNs: HOST_NS, isRuntime: false };
  const told = (more: object) =>
    exposures.story({ ...story, ...more }, context).filter(({ rule: id }) => id === "kept-procfs");
  assert.deepEqual(told({})[0]?.evidence, [
    // which has no command of its own
    { fact: "/theirs kept a procfs in 3 steps", check: "keyhole explain 5" },
  ]);
  assert.deepEqual(told({ fs_type: "sysfs" }), []);
  assert.deepEqual(told({ state: "closed" }), []);
  assert.deepEqual(told({ process: { ...process, exe: "/ours" } }), []);
  assert.equal(exposures.suppressed().get("exception:ours"), 1);
});
