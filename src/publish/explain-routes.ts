import { type KeyholeEvent, SCHEMA_VERSION } from "../event.js";
import type { Exposures } from "../exposures/engine.js";
import { explain, type Question } from "../exposures/explanation.js";
import type { ContainerScore } from "../exposures/score.js";
import { json, type Route } from "./http.js";

export interface ExplainSources {
  readonly engine: Exposures;
  /** A published event that is still kept; null: it is not. */
  eventOf(seq: number): KeyholeEvent | null;
  scores(): readonly ContainerScore[];
}

/**
 * `/v1/findings`: the posture findings that are open, the acts that are remembered, and the scores of containers;
 * `/v1/explain`: why an event or a finding is, or is not, a finding.
 */
export function explainRoutes({ engine, eventOf, scores }: ExplainSources): Route[] {
  return [
    {
      path: "/v1/findings",
      open: false,
      title: "open findings, the last acts, and the score of each container as JSON",
      handle: () => json(200, { schema: SCHEMA_VERSION, containers: scores(), findings: engine.findings() }),
    },
    {
      path: "/v1/explain",
      open: false,
      title: "?event=SEQ or ?finding=ID: which rule matched, or what spared it",
      handle(_request, url) {
        const question = questionOf(url.searchParams);
        if (question === null)
          return json(400, { error: "event must be the seq of an event, or finding the id of a finding" });
        const explanation = explain(question, {
          engine,
          eventOf,
          decisionsAbout: (about) => engine.decisions.about(about),
          findingOf: (id) => engine.findings().find((finding) => finding.id === id) ?? null,
        });
        if (explanation !== null) return json(200, explanation);
        const { evictions } = engine.decisions;
        return json(404, { error: "not known, or not remembered any more", forgotten: evictions });
      },
    },
  ];
}

/** Of an event or a finding, whichever is asked about; null: neither, or both. */
function questionOf(parameters: URLSearchParams): Question | null {
  const [event, finding] = [parameters.get("event"), parameters.get("finding")];
  if (event !== null && finding === null && /^\d{1,15}$/.test(event)) return { seq: Number(event) };
  if (event === null && finding !== null && /^[0-9a-f]{16}$/.test(finding)) return { finding };
  return null;
}
