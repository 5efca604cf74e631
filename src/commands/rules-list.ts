import type { Config } from "../config/config.js";
import { availableFacts } from "../exposures/available-facts.js";
import { Exposures } from "../exposures/engine.js";
import type { Fact, RuleInfo } from "../exposures/rule.js";
import { isShipped, type LoadedRules, loadRuleSet } from "../exposures/rule-loader.js";
import { describeProblem } from "../exposures/rule-problems.js";
import { allRules } from "../exposures/rule-set.js";
import { HostPath } from "../kernel/host-path.js";
import { neutralise } from "../publish/neutral.js";
import { alignTable } from "../publish/table.js";
import { type RulesOptions, writerOf } from "./rules.js";

export interface RulesListOptions extends RulesOptions {
  readonly config: Pick<Config, "rules" | "opens">;
  readonly output: "table" | "json";
  readonly hostRoot: string;
}

/** A rule as `keyhole rules list` shows it. */
export interface ListedRule extends Pick<RuleInfo, "id" | "title" | "kind" | "severity" | "tags" | "needs"> {
  /** `inactive`: this node lacks a fact. */
  readonly state: "active" | "inactive" | "disabled";
  readonly missing: readonly Fact[];
  /** FILE:LINE:COLUMN; null for what Keyhole comes with. */
  readonly origin: string | null;
  /** Whether `severity` is that of an override. */
  readonly overridden: boolean;
  /** Names of the exceptions that spare its findings. */
  readonly exceptions: readonly string[];
}

/**
 * `keyhole rules list`: every rule and whether it is looked at on this node. Returns the exit status: 0, or 2 when a file of
 * rules has problems.
 */
export function listRules(options: RulesListOptions): number {
  const write = writerOf(options);
  const { rules, opens } = options.config;
  const loaded = loadRuleSet({ directory: rules.directory, overrides: rules });
  const listed = listedRules(
    loaded,
    availableFacts(new HostPath(options.hostRoot), { opens: opens !== "off" }),
  );
  if (options.output === "json") {
    const problems = { problems: loaded.problems, problems_omitted: loaded.omitted };
    write(`${JSON.stringify({ schema: 1, rules: listed, ...problems })}\n`);
  } else {
    write(tableOf(listed));
    for (const problem of loaded.problems) write(`${neutralise(describeProblem(problem))}\n`);
    if (loaded.omitted > 0) write(`… and ${loaded.omitted} more problems\n`);
  }
  return loaded.problems.length > 0 ? 2 : 0;
}

/** The rules of `loaded` on a node that has the facts `available`. */
export function listedRules({ rules }: LoadedRules, available: ReadonlySet<Fact>): ListedRule[] {
  const missing = new Map(
    Exposures.inactive(rules, available).map(({ rule, missing: facts }) => [rule, facts] as const),
  );
  const { disable, severity } = rules.overrides;
  return allRules(rules).map((rule) => ({
    id: rule.id,
    title: rule.title,
    kind: rule.kind,
    severity: severity[rule.id] ?? rule.severity,
    state: disable.includes(rule.id) ? "disabled" : missing.has(rule.id) ? "inactive" : "active",
    missing: missing.get(rule.id) ?? [],
    origin: isShipped(rule.origin) ? null : rule.origin!,
    overridden: severity[rule.id] !== undefined,
    exceptions: rules.exceptions.filter((one) => one.rules.has(rule.id)).map(({ name }) => name),
    tags: rule.tags,
    needs: rule.needs,
  }));
}

function tableOf(rules: readonly ListedRule[]): string {
  const columns = ["RULE", "KIND", "SEVERITY", "STATE", "EXCEPTIONS", "FROM"].map((name) => ({ name }));
  const rows = rules.map((rule) => [
    rule.id,
    rule.kind,
    `${rule.severity}${rule.overridden ? " (override)" : ""}`,
    rule.missing.length > 0 && rule.state === "inactive"
      ? `inactive: no ${rule.missing.join(", ")}`
      : rule.state,
    rule.exceptions.join(",") || "-",
    rule.origin === null ? "-" : neutralise(rule.origin),
  ]);
  const { header, lines } = alignTable(columns, rows);
  const states = new Map<string, number>();
  for (const { state } of rules) states.set(state, (states.get(state) ?? 0) + 1);
  const totals = [...states].map(([state, number]) => `${number} ${state}`).join(", ");
  return `${[header, ...lines].join("\n")}\n${rules.length} rules: ${totals}\n`;
}
