import { METRIC_DEFINITIONS } from "../../src/publish/metrics.js";

const LABELS = new Map(METRIC_DEFINITIONS.map(({ name, labels }) => [name, labels]));
/** Labels that Prometheus gives to every series of a target. */
const TARGET = ["job", "instance"];
/** Made by Prometheus itself for each target. */
const SYNTHETIC = new Map<string, readonly string[]>([["up", []]]);

/** What is wrong with the names in a PromQL expression: metrics that do not exist, labels that they do not have. */
export function wrongNames(expression: string): string[] {
  const wrong: string[] = [];
  const known = new Set(TARGET);
  for (const [, metric, matchers] of expression.matchAll(/([a-z_]+)(?:\{([^}]*)\})/g)) {
    const labels = LABELS.get(metric!) ?? SYNTHETIC.get(metric!);
    if (labels === undefined) {
      wrong.push(`there is no metric ${metric}`);
      continue;
    }
    for (const label of labels) known.add(label);
    for (const [, label] of matchers!.matchAll(/(\w+) *(?:=~|!~|!=|=) *"/g)) {
      if (![...labels, ...TARGET].includes(label!)) wrong.push(`${metric} has no label ${label}`);
    }
  }
  for (const label of groupings(expression)) {
    if (!known.has(label)) wrong.push(`no metric of the expression has the label ${label}`);
  }
  const selectors = [...expression.matchAll(/\b(?:keyhole|process|nodejs)_[a-z_]+\b/g)].map(
    (match) => match[0],
  );
  for (const metric of selectors) if (!LABELS.has(metric)) wrong.push(`there is no metric ${metric}`);
  if (selectors.length === 0 && !/\bup\{/.test(expression)) wrong.push("no metric");
  return wrong;
}

/** The labels of `by (…)`. */
export function groupings(expression: string): string[] {
  return [...expression.matchAll(/\bby *\(([^)]*)\)/g)].flatMap((match) =>
    match[1]!.split(",").map((label) => label.trim()),
  );
}
