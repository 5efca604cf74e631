import type { AskedRule, ExplainedDecision, Explanation } from "../exposures/explanation.js";
import { neutralise } from "../publish/neutral.js";
import { subjectName } from "../publish/subject-name.js";
import { formatLine } from "../publish/terminal.js";
import { findingsTable } from "./findings-table.js";

/** Decisions that are printed one by one; JSON has all. */
const LISTED = 10;

/** An explanation for a person. Names that containers chose are made harmless. */
export function explanationText(explanation: Explanation, color: boolean): string {
  const { event, finding, decisions, asked, unasked, forgotten } = explanation;
  let text = "";
  if (event !== null) text += `${formatLine(event, { color })}\n\n`;
  if (finding !== null) text += `${findingsTable([finding], color)}\n`;
  for (const decision of decisions.slice(0, LISTED)) text += decisionText(decision);
  if (decisions.length > LISTED) {
    const before = forgotten > 0 ? `; ${forgotten} decisions before these are forgotten` : "";
    text += `… and ${decisions.length - LISTED} more, earlier${before}\n`;
  }
  if (unasked !== null) text += `No rule was asked: ${neutralise(unasked)}.\n`;
  const silent = (asked ?? []).filter(({ result }) => result === null);
  if (silent.length > 0) text += `Asked, and found nothing:\n${silent.map(askedText).join("")}`;
  if (decisions.length === 0 && finding !== null)
    text += "How it was decided is not remembered any more; the finding is what it was told with last.\n";
  else if (decisions.length === 0 && forgotten > 0)
    text += `${forgotten} decisions have been forgotten: one about this may have been among them.\n`;
  return text;
}

function decisionText(decision: ExplainedDecision): string {
  const { time, rule, result, severity, facts, finding, subject, condition } = decision;
  const said = result === "told" ? `told as ${severity ?? "?"}` : `not told: ${reasonText(decision)}`;
  const lines = [
    `${time}  ${rule}: ${said}`,
    `  about    ${subjectName({ subject })}`,
    `  finding  ${finding}`,
  ];
  if (decision.event_seq !== null) lines.push(`  event    ${decision.event_seq}`);
  for (const line of condition?.trim().split("\n") ?? []) lines.push(`  matched  ${line}`);
  for (const fact of facts) lines.push(`  because  ${fact}`);
  return `${lines.map((line) => neutralise(line)).join("\n")}\n`;
}

/** The reasons that {@link Exposures.suppressed} has, for a person. */
const REASONS: Readonly<Record<string, string>> = {
  disabled: "the configuration disables the rule",
  "own-container": "it is about the container that the agent itself is in",
  "network-setup": "a program of the host enters network namespaces and no others",
  "runtime-setup": "a container runtime is at work, setting the container up",
  rewritable:
    "another task could have rewritten the arguments while the call ran, and what came of it is not known",
};

function reasonText({ result, exception, exception_description }: ExplainedDecision): string {
  if (exception === null) return Object.hasOwn(REASONS, result) ? REASONS[result]! : result;
  return `the exception "${exception}" spares it${exception_description === null ? "" : `: ${exception_description}`}`;
}

function askedText({ rule, title, condition }: AskedRule): string {
  const looksFor = condition === null ? [] : condition.trim().split("\n");
  return [`  ${rule}  ${title}`, ...looksFor.map((line) => `    ${line}`)]
    .map((line) => `${neutralise(line)}\n`)
    .join("");
}
