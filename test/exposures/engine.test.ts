import assert from "node:assert/strict";
import { test } from "node:test";
import { Decisions } from "../../src/exposures/decisions.js";
import { Exposures } from "../../src/exposures/engine.js";
import type { Exception } from "../../src/exposures/exception.js";
import { DETECTORS, type RuleSet, withOverrides } from "../../src/exposures/rule-set.js";
import { MASKS, READONLY, runcMounts } from "../mounts/mountinfo-text.js";
import { container, HOST_PROC_DEV } from "./container.js";

const UNMASKED = container(runcMounts([...MASKS, ...READONLY]));
const RULE = "proc-unmasked";

/** Only what concerns containers one by one. */
const RULES: RuleSet = { ...DETECTORS, node: [] };

function engine(rules: RuleSet = RULES): Exposures {
  let tick = 0;
  const now = () => `2026-11-23T00:00:${String(tick++).padStart(2, "0")}.000000000Z`;
  return new Exposures({ rules, hostProcDev: HOST_PROC_DEV, now });
}

function sparing(id: string): Exception {
  return {
    name: "known-builder",
    rules: new Set([RULE]),
    description: "a builder",
    origin: "test.yaml:1:1",
    matches: (facts) => facts("container.id") === id,
  };
}

test("an exception spares what it matches, is counted once while it does, and can be asked for", () => {
  const exposures = engine({ ...RULES, exceptions: [sparing(UNMASKED.container.id)] });
  assert.deepEqual(exposures.posture(UNMASKED), []);
  assert.deepEqual(exposures.posture(UNMASKED), []);
  assert.equal(exposures.suppressed().get("exception:known-builder"), 1);

  const other = container(runcMounts([...MASKS, ...READONLY]), { id: "another" });
  const [told, ...more] = exposures.posture(other);
  assert.deepEqual(more, []);
  assert.equal(told!.rule, RULE);

  const [why] = exposures.decisions.about({ finding: told!.id });
  assert.equal(why!.result, "told");
  const spared = engine().posture(UNMASKED)[0]!;
  const [decision] = exposures.decisions.about({ finding: spared.id });
  assert.equal(decision!.result, "exception:known-builder");
  assert.equal(decision!.exception, "known-builder");
  assert.deepEqual(
    decision!.facts,
    spared.evidence.map(({ fact }) => fact),
  );
});

test("an exception that is gone spares nothing any more", () => {
  const exposures = engine({ ...RULES, exceptions: [sparing(UNMASKED.container.id)] });
  assert.deepEqual(exposures.posture(UNMASKED), []);
  exposures.use(RULES);
  assert.deepEqual(
    exposures.posture(UNMASKED).map(({ rule, state }) => [rule, state]),
    [[RULE, "open"]],
  );
});

test("rules that are exchanged resolve what they no longer find, and say why", () => {
  const exposures = engine();
  const states = () => exposures.posture(UNMASKED).map(({ rule, state, reason }) => [rule, state, reason]);
  assert.deepEqual(states(), [[RULE, "open", undefined]]);
  exposures.use(withOverrides(RULES, { disable: [RULE], severity: {} }));
  assert.deepEqual(states(), [[RULE, "resolved", "the rule was disabled"]]);
  exposures.use(RULES);
  assert.deepEqual(states(), [[RULE, "open", undefined]]);
  exposures.use({ ...RULES, posture: RULES.posture.filter(({ id }) => id !== RULE) });
  const ended = states().filter(([rule]) => rule === RULE);
  assert.deepEqual(ended, [[RULE, "resolved", "the rule was removed"]]);
});

test("a severity of the user's takes the place of the rule's, also for a finding that is open", () => {
  const exposures = engine();
  const [opened] = exposures.posture(UNMASKED);
  assert.equal(opened!.severity, "critical");
  exposures.use(withOverrides(RULES, { disable: [], severity: { [RULE]: "low" } }));
  const [updated] = exposures.posture(UNMASKED);
  assert.deepEqual([updated!.state, updated!.severity, updated!.id], ["updated", "low", opened!.id]);
});

test("findings about the node follow an exchange of rules as those about containers do", () => {
  const rule = "proc-default-gaps";
  const masked = container(runcMounts());
  const exposures = engine(DETECTORS);
  const told = () =>
    exposures
      .posture(masked)
      .filter((finding) => finding.rule === rule)
      .map(({ state, severity, reason }) => [state, severity, reason]);
  assert.deepEqual(told(), [["open", "info", undefined]]);
  assert.deepEqual(told(), []);
  exposures.use(withOverrides(DETECTORS, { disable: [], severity: { [rule]: "low" } }));
  assert.deepEqual(told(), [["updated", "low", undefined]]);
  exposures.use(withOverrides(DETECTORS, { disable: [rule], severity: {} }));
  assert.deepEqual(told(), [["resolved", "low", "the rule was disabled"]]);
  exposures.use(DETECTORS);
  assert.deepEqual(told(), [["open", "info", undefined]]);
});

test("a decision keeps no more facts than a finding", () => {
  const [rule] = RULES.posture;
  const many = {
    ...rule!,
    evaluate: () =>
      Array.from({ length: 1000 }, (_, index) => ({
        place: `/${index}`,
        severity: "low" as const,
        evidence: [{ fact: `fact ${index}` }],
      })),
  };
  const exposures = engine({ ...RULES, posture: [many] });
  const [finding] = exposures.posture(UNMASKED);
  assert.equal(exposures.decisions.about({ finding: finding!.id })[0]!.facts.length, 16);
});

test("decisions are bounded, and the oldest make room", () => {
  const decisions = new Decisions(4);
  const decision = {
    ...{ rule: RULE, result: "told", exception: null, severity: null, facts: [] },
    subject: { kind: "node", id: "node", container: null, pid: null },
  } as const;
  for (let seq = 1; seq <= 6; seq++)
    decisions.add({ ...decision, time: `00:0${seq}`, finding: "f", event_seq: seq });
  assert.deepEqual(
    decisions.about({ finding: "f" }).map(({ event_seq }) => event_seq),
    [6, 5, 4, 3],
  );
  assert.deepEqual(decisions.about({ seq: 2 }), []);
  assert.equal(decisions.evictions, 2);
});
