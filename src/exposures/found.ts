import type { ContainerRef, Evidence, FindingSubject } from "../event.js";
import type { ObservedCall } from "./act.js";
import type { ContainerView } from "./container-view.js";
import type { Observation } from "./findings.js";
import type { Exposure, RuleInfo } from "./rule.js";
import type { ObservedStory } from "./story-act.js";

/** What a rule found about a subject, before it is known whether that is wanted. */
export interface Found extends Omit<Observation, "severity" | "evidence"> {
  readonly exposures: readonly Exposure[];
}

/** The node as the subject of a finding. */
export const NODE: FindingSubject = { kind: "node", id: "node", container: null, pid: null };

/** A container as the subject of a finding. */
export function containerSubject({ container, task }: ContainerView): FindingSubject {
  return { kind: "container", id: container.id, container, pid: task.pid };
}

/** What `rule` found in a call; `container` is the one that it is about, null for the process that made it. */
export function aboutCall(
  rule: RuleInfo,
  exposures: readonly Exposure[],
  { process, time, seq }: ObservedCall,
  container: ContainerRef | null,
): Found {
  const subject: FindingSubject =
    container === null
      ? { kind: "process", id: `${process.pid}:${process.start}`, container: null, pid: process.pid }
      : { kind: "container", id: container.id, container, pid: process.pid };
  return { rule, subject, exposures, also: [], time, ...(seq !== undefined && { eventSeq: seq }) };
}

/** What `rule` found in a story that `container` began. */
export function aboutStory(
  rule: RuleInfo,
  exposures: readonly Exposure[],
  { process, seq }: ObservedStory,
  { container, time }: { readonly container: ContainerRef; readonly time: string },
): Found {
  const subject: FindingSubject = { kind: "container", id: container.id, container, pid: process.pid };
  return { rule, subject, exposures, also: [], time, ...(seq !== undefined && { eventSeq: seq }) };
}

/** All that was found as lines of evidence; what several exposures have in common is said once, after what each has of its own. */
export function evidenceOf({ exposures, eventSeq }: Found): Evidence[] {
  const counts = new Map<string, { readonly evidence: Evidence; shared: boolean }>();
  for (const evidence of exposures.flatMap((exposure) => exposure.evidence)) {
    const known = counts.get(evidence.fact);
    if (known === undefined) counts.set(evidence.fact, { evidence, shared: false });
    else known.shared = true;
  }
  const all = [...counts.values()];
  return [...all.filter(({ shared }) => !shared), ...all.filter(({ shared }) => shared)].map(({ evidence }) =>
    checkable(evidence, eventSeq),
  );
}

/** What nothing is left of to look at, as after a call, is in the event that it was found in. */
function checkable(evidence: Evidence, eventSeq: number | undefined): Evidence {
  if (evidence.check !== undefined || eventSeq === undefined) return evidence;
  return { ...evidence, check: `keyhole explain ${eventSeq}` };
}
