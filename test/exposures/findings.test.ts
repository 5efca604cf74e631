import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyholeError } from "../../src/errors.js";
import type { FindingSubject } from "../../src/event.js";
import { Exposures } from "../../src/exposures/engine.js";
import type { FindingCount } from "../../src/exposures/finding-counts.js";
import { Findings, type Observation } from "../../src/exposures/findings.js";
import { allRules, DETECTORS, withOverrides } from "../../src/exposures/rule-set.js";
import { MASKS, READONLY, runcMounts } from "../mounts/mountinfo-text.js";
import { container, HOST_PROC_DEV } from "./container.js";

/** Without the rule that any container of the node is enough for. */
const RULES = { ...DETECTORS, node: DETECTORS.node.filter(({ id }) => id !== "ns-default-shared") };

const UNMASKED = [...MASKS, ...READONLY];

function engine(rules?: { disable?: string[]; severity?: Record<string, "low"> }): Exposures {
  let tick = 0;
  return new Exposures({
    hostProcDev: HOST_PROC_DEV,
    now: () => `2026-11-23T00:00:0${tick++}.000000000Z`,
    rules: withOverrides(RULES, {
      disable: ["proc-default-gaps", ...(rules?.disable ?? [])],
      severity: rules?.severity ?? {},
    }),
  });
}

/** Those that are not zero. */
function some(counts: readonly FindingCount[]): FindingCount[] {
  return counts.filter(({ count }) => count > 0);
}

test("a posture finding is open while it holds, updated when it changes, resolved when it is gone", () => {
  const exposures = engine();
  const [opened, ...others] = exposures.posture(container(runcMounts(UNMASKED)));
  assert.deepEqual(others, []);
  assert.equal(opened?.state, "open");
  assert.equal(opened?.first_seen, "2026-11-23T00:00:00.000000000Z");
  assert.deepEqual(some(exposures.open()), [{ rule: "proc-unmasked", severity: "critical", count: 1 }]);

  assert.deepEqual(exposures.posture(container(runcMounts(UNMASKED))), [], "nothing changed");

  const [updated] = exposures.posture(container(runcMounts(MASKS)));
  assert.equal(updated?.state, "updated");
  assert.equal(updated?.id, opened?.id);
  assert.deepEqual(updated?.also, ["proc-mask-missing"]);
  assert.equal(updated?.first_seen, opened?.first_seen);

  const [resolved] = exposures.posture(container(runcMounts()));
  assert.equal(resolved?.state, "resolved");
  assert.equal(resolved?.reason, "no longer holds");
  assert.equal(resolved?.last_seen, "2026-11-23T00:00:03.000000000Z");
  assert.deepEqual(some(exposures.open()), []);
});

test("a container that is gone has its findings resolved once", () => {
  const exposures = engine();
  exposures.posture(container(runcMounts(UNMASKED), { id: "a" }));
  exposures.posture(container(runcMounts(UNMASKED), { id: "b" }));
  assert.deepEqual(some(exposures.open()), [{ rule: "proc-unmasked", severity: "critical", count: 2 }]);
  const resolved = exposures.gone("a", "container ended");
  assert.deepEqual(
    resolved.map(({ state, reason, subject }) => [state, reason, subject.id]),
    [["resolved", "container ended", "a"]],
  );
  assert.deepEqual(exposures.gone("a", "container ended"), []);
  assert.deepEqual(some(exposures.open()), [{ rule: "proc-unmasked", severity: "critical", count: 1 }]);
});

test("a container that is called node is not the node", () => {
  const exposures = new Exposures({ rules: RULES, hostProcDev: HOST_PROC_DEV });
  const rules = (id: string) => exposures.posture(container(runcMounts(), { id })).map(({ rule }) => rule);
  assert.deepEqual(rules("a"), ["proc-default-gaps"]);
  assert.deepEqual(rules("node"), []);
  assert.deepEqual(exposures.gone("node", "container ended"), []);
  assert.equal(some(exposures.open()).length, 1);
});

test("what is masked in the sandbox of a pod is not what containers have by default", () => {
  const exposures = new Exposures({ rules: RULES, hostProcDev: HOST_PROC_DEV });
  const pod = { uid: null, namespace: "shop", name: "web" };
  const look = (name: string) => {
    const view = container(runcMounts(), { id: name });
    return exposures
      .posture({ ...view, container: { ...view.container, name, pod } })
      .map(({ rule }) => rule);
  };
  assert.deepEqual(look("POD"), []);
  assert.deepEqual(look("web"), ["proc-default-gaps"]);
});

test("a more specific rule takes the place of the one it subsumes", () => {
  const exposures = engine();
  exposures.posture(container(runcMounts(["keys"])));
  const changes = exposures.posture(container(runcMounts(MASKS)));
  assert.deepEqual(
    changes.map(({ state, rule }) => `${state} ${rule}`),
    ["open proc-unmasked", "resolved proc-mask-missing"],
  );
});

test("a finding of a disabled rule is counted, with all that it subsumes", () => {
  const exposures = engine({ disable: ["proc-unmasked"] });
  assert.deepEqual(exposures.posture(container(runcMounts(UNMASKED))), []);
  assert.deepEqual(exposures.posture(container(runcMounts(UNMASKED))), []);
  assert.equal(exposures.suppressed().get("disabled"), 1);
  exposures.posture(container(runcMounts()));
  exposures.posture(container(runcMounts(UNMASKED)));
  // Once more for the default gaps, which the container with masks had.
  assert.equal(exposures.suppressed().get("disabled"), 3);
});

test("every rule of the catalogue is counted from zero on, with the severity that it has here", () => {
  const exposures = engine({ severity: { "proc-unmasked": "low" } });
  const expected = allRules(RULES).map(({ id, severity }) => ({
    rule: id,
    severity: id === "proc-unmasked" ? "low" : severity,
    count: 0,
  }));
  assert.deepEqual(exposures.open(), expected);
  assert.deepEqual(exposures.totals(), expected);
});

test("totals grow with each posture finding that begins and with each act, told or not", () => {
  const exposures = engine();
  for (const id of ["a", "b"]) exposures.posture(container(runcMounts(UNMASKED), { id }));
  exposures.posture(container(runcMounts(MASKS), { id: "a" }));
  exposures.gone("a", "container ended");
  assert.deepEqual(some(exposures.totals()), [{ rule: "proc-unmasked", severity: "critical", count: 2 }]);
  const findings = new Findings();
  for (let number = 0; number < 5; number++) findings.happened(act());
  findings.happened(act({ severity: "critical" }));
  assert.deepEqual(findings.totals(), [
    { rule: "ns-enter-host", severity: "low", count: 5 },
    { rule: "ns-enter-host", severity: "critical", count: 1 },
  ]);
});

test("the posture of the agent's own container is counted and not told, nor is it a finding of the node", () => {
  const exposures = new Exposures({ rules: RULES, hostProcDev: HOST_PROC_DEV });
  exposures.leaveOut("own");
  for (let look = 0; look < 2; look++) {
    assert.deepEqual(exposures.posture(container(runcMounts(UNMASKED), { id: "own" })), []);
  }
  assert.equal(exposures.suppressed().get("own-container"), 1);
  assert.deepEqual(exposures.posture(container(runcMounts(), { id: "own" })), []);
  const others = exposures.posture(container(runcMounts(UNMASKED), { id: "other" }));
  assert.deepEqual(
    others.map(({ rule, subject }) => [rule, subject.id]),
    [["proc-unmasked", "other"]],
  );
  assert.equal(exposures.suppressed().get("own-container"), 1);
});

test("a severity can be overridden, an unknown rule cannot", () => {
  const [finding] = engine({ severity: { "proc-unmasked": "low" } }).posture(container(runcMounts(UNMASKED)));
  assert.equal(finding?.severity, "low");
  for (const rules of [{ disable: ["nope"] }, { severity: { nope: "low" as const } }]) {
    assert.throws(
      () => engine(rules),
      (error) =>
        error instanceof KeyholeError && error.code === "KEYHOLE_RULE_UNKNOWN" && error.found === "nope",
    );
  }
});

const SUBJECT: FindingSubject = { kind: "container", id: "c1", container: null, pid: 1 };

function act(more: Partial<Observation> = {}): Observation {
  const rule = allRules(DETECTORS).find(({ id }) => id === "ns-enter-host")!;
  return { rule, subject: SUBJECT, severity: "low", evidence: [], also: [], time: "t", ...more };
}

test("a repeated act is one finding whose count is published when it has doubled", () => {
  const findings = new Findings();
  const published = [];
  for (let number = 1; number <= 9; number++) {
    const change = findings.happened(act({ time: `t${number}`, eventSeq: number }));
    if (change !== null) published.push([change.state, change.count, change.event_seq, change.last_seen]);
  }
  assert.deepEqual(published, [
    ["open", 1, 1, "t1"],
    ["updated", 2, 2, "t2"],
    ["updated", 4, 4, "t4"],
    ["updated", 8, 8, "t8"],
  ]);
  assert.equal(findings.repeated, 5);
  assert.deepEqual(
    findings.forget(SUBJECT, "container ended", "t10").map(({ state, count }) => [state, count]),
    [["updated", 9]],
    "the last repetition is told when the container ends",
  );
});

test("a worse act is published at once and keeps its severity", () => {
  const findings = new Findings();
  for (let number = 0; number < 3; number++) findings.happened(act());
  assert.equal(findings.happened(act({ severity: "critical" }))?.severity, "critical");
  for (let number = 0; number < 3; number++) assert.equal(findings.happened(act()), null);
  assert.equal(findings.happened(act())?.severity, "critical");
});

test("acts are not among the open findings", () => {
  const findings = new Findings();
  findings.happened(act());
  assert.deepEqual(findings.open(), []);
});

test("the number of findings is bounded and what is forgotten is counted", () => {
  const findings = new Findings(10);
  for (let number = 0; number < 25; number++) {
    findings.happened(act({ subject: { ...SUBJECT, id: `c${number}` } }));
  }
  assert.equal(findings.evictions, 15);
  assert.equal(findings.happened(act({ subject: { ...SUBJECT, id: "c24" } }))?.count, 2);
  assert.equal(findings.happened(act({ subject: { ...SUBJECT, id: "c0" } }))?.count, 1);
});

test("the evidence of one finding is bounded, and the last piece says what is left out", () => {
  const facts = (length: number) => Array.from({ length }, (_, index) => ({ fact: String(index) }));
  const findings = new Findings();
  assert.deepEqual(findings.happened(act({ evidence: facts(16) }))?.evidence, facts(16));
  const more = (count: number) => [...facts(15), { fact: `and ${count} more facts like these` }];
  assert.deepEqual(findings.happened(act({ evidence: facts(17) }))?.evidence, more(2));
  assert.deepEqual(new Findings().holds(act({ evidence: facts(1000) }))?.evidence, more(985));
});

test("every rule has what a finding shows, and subsumes rules that exist", () => {
  const ids = allRules(DETECTORS).map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
  for (const rule of allRules(DETECTORS)) {
    assert.match(rule.id, /^[a-z]+(-[a-z]+)+$/);
    assert.ok(
      rule.description.length > 40 && rule.remediation.length > 20 && rule.title.length > 10,
      rule.id,
    );
    assert.ok(
      rule.references.length > 0 && rule.references.every((url) => url.startsWith("https://")),
      rule.id,
    );
    assert.ok(
      rule.tags.some((tag) => /^mitre:T[0-9]{4}(\.[0-9]{3})?$/.test(tag)),
      rule.id,
    );
    assert.ok(rule.needs.length > 0, rule.id);
    for (const subsumed of rule.subsumes)
      assert.ok(ids.includes(subsumed), `${rule.id} subsumes ${subsumed}`);
  }
});

test("a rule without its facts is inactive", () => {
  const inactive = Exposures.inactive(
    DETECTORS,
    new Set(["mountinfo", "host-procfs", "syscalls", "procfs-pid-namespace", "runtime-spec", "descriptors"]),
  );
  const missing = new Map(inactive.map((one) => [one.rule, one.missing]));
  assert.deepEqual(missing.get("proc-foreign-pidns-visible"), ["pid-namespace-tree"]);
  assert.deepEqual(missing.get("proc-hidepid-weakened"), ["procfs-options"]);
  assert.deepEqual(missing.get("proc-detached-mount"), ["stories"]);
  assert.equal(missing.has("ns-enter-host"), false);
});
