import type { FindingChange } from "../exposures/findings.js";

/** What a finding is about, in one line; not made harmless. */
export function subjectName({ subject }: Pick<FindingChange, "subject">): string {
  const { container } = subject;
  if (container === null) return subject.id;
  // A full container id is 64 digits, of which tools show twelve.
  const id = /^[0-9a-f]{64}$/.test(container.id) ? container.id.slice(0, 12) : container.id;
  const { pod } = container;
  if (pod === null) return container.name ?? id;
  const podName = pod.name === null ? `pod ${pod.uid ?? "?"}` : `${pod.namespace ?? "?"}/${pod.name}`;
  return `${podName} ${container.name ?? id}`;
}
