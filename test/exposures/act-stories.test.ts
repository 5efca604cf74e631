import assert from "node:assert/strict";
import { test } from "node:test";
import type { StoryEvent } from "../../src/event.js";
import { brief, engine, step, story } from "./act-call.js";
import { HOST_NS } from "./container.js";

function told(event: StoryEvent, isRuntime = false): string[] {
  return brief(engine().story(event, { hostNs: HOST_NS, isRuntime }));
}

const LATER = "2026-11-23T00:00:03.000000000Z";
const DETACHED = ["high proc-detached-mount 1"];

test("a detached procfs that is kept, passed on or held for long is told", () => {
  assert.deepEqual(told(story({ state: "kept" })), DETACHED);
  assert.deepEqual(told(story({ state: "passed" })), DETACHED);
  assert.deepEqual(told(story({ state: "open", time: LATER })), DETACHED);
  assert.deepEqual(told(story({ state: "kept", kind: "clone" })), DETACHED);
  const ended = { after: LATER, before: LATER };
  assert.deepEqual(told(story({ state: "closed", ended })), DETACHED, "all that time nobody knew");
});

test("one that is mounted, let go at once, refused, the runtime's or no procfs is not", () => {
  assert.deepEqual(told(story()), []);
  assert.deepEqual(
    told(story({ state: "closed", ended: { after: story().began, before: story().began } })),
    [],
  );
  assert.deepEqual(told(story({ state: "attached", time: LATER })), []);
  assert.deepEqual(told(story({ state: "rejected", time: LATER })), []);
  const { mount, ...context } = story({ state: "kept" });
  assert.ok(mount !== undefined);
  assert.deepEqual(told(context), [], "an fs context is no mount yet");
  assert.deepEqual(told(story({ state: "kept", fs_type: "tmpfs" })), []);
  assert.deepEqual(told(story({ state: "kept", kind: "bind" })), []);
  assert.deepEqual(told(story({ state: "kept", container: null })), []);
  const exposures = engine();
  assert.deepEqual(exposures.story(story({ state: "kept" }), { hostNs: HOST_NS, isRuntime: true }), []);
  assert.equal(exposures.suppressed().get("runtime-setup"), 1);
});

/** `count` options of `length` bytes in all, as the kernel counts them. */
function options(count: number, length: number, ret = 0) {
  const args = { cmd: "FSCONFIG_SET_STRING", key: "k", value: "v".repeat(length - 3) };
  return Array.from({ length: count }, () => step("fsconfig", ret, args));
}

test("options that fill a page are told for the file systems that collect them in one", () => {
  const given = (steps: StoryEvent["steps"], more: Partial<StoryEvent> = {}) =>
    told(story({ fs_type: "ext4", steps: [step("fsopen", 3), ...steps], ...more }));
  const high = ["high fsconfig-oversized-param 1"];
  assert.deepEqual(given(options(17, 241)), high);
  assert.deepEqual(given(options(16, 255)), [], "4080 bytes");
  assert.deepEqual(given([...options(16, 255), ...options(1, 15, -22)]), ["low fsconfig-oversized-param 1"]);
  assert.deepEqual(given(options(30, 3), { steps_omitted: 2 }), high, "more of them than are shown");
  assert.deepEqual(given(options(17, 241), { fs_type: "overlay" }), []);
  assert.deepEqual(given(options(17, 241), { container: null }), []);
});
