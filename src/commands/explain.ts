import type { Config } from "../config/config.js";
import { suggest } from "../config/suggest.js";
import { describeError, KeyholeError } from "../errors.js";
import type { Question } from "../exposures/explanation.js";
import { allRules } from "../exposures/rule-set.js";
import { askAgent } from "./explain-agent.js";
import { explainRecorded } from "./explain-recording.js";
import { explanationText } from "./explanation-text.js";
import { rulePage, rulePageText } from "./rule-page.js";
import { loadedRulesOf, tellProblems } from "./rules-of.js";

export interface ExplainOptions {
  /** Id of a rule or of a finding, or `seq` of an event. */
  readonly what: string;
  /** A recording to ask instead of the agent. */
  readonly input?: string;
  readonly config: Config;
  readonly output: "table" | "json";
  readonly color: boolean;
}

const EXIT_NOT_KNOWN = 1;
const EXIT_BAD_RECORDING = 2;

/**
 * `keyhole explain`: prints the page of a rule, or why an event or a finding is one, or none. Resolves to the exit status: 0, or 1
 * where it is not known, or 2 where the recording ends too early. Throws KEYHOLE_EXPLAIN_TARGET, KEYHOLE_NO_AGENT, KEYHOLE_RECORDING.
 */
export async function explain(options: ExplainOptions): Promise<number> {
  const { what, input, config, output, color } = options;
  const loaded = loadedRulesOf(config);
  const { rules } = loaded;
  tellProblems(loaded);
  const rule = allRules(rules).find(({ id }) => id === what);
  if (rule !== undefined) {
    const page = rulePage(rule, rules);
    process.stdout.write(output === "json" ? `${JSON.stringify(page)}\n` : rulePageText(page, color));
    return 0;
  }
  const question = questionOf(what);
  if (question === null)
    throw noSuchTarget(
      what,
      allRules(rules).map(({ id }) => id),
    );
  const { explanation, cut } =
    input === undefined
      ? { explanation: await askAgent(question, config), cut: null }
      : explainRecorded(input, question, rules);
  if (cut !== null) process.stderr.write(`${describeError(cut)}\n`);
  if (explanation === null) throw notKnown(question, input);
  process.stdout.write(
    output === "json" ? `${JSON.stringify(explanation)}\n` : explanationText(explanation, color),
  );
  return cut === null ? 0 : EXIT_BAD_RECORDING;
}

function questionOf(what: string): Question | null {
  if (/^\d{1,15}$/.test(what)) return { seq: Number(what) };
  return /^[0-9a-f]{16}$/.test(what) ? { finding: what } : null;
}

function noSuchTarget(what: string, ids: readonly string[]): KeyholeError {
  const near = suggest(what, ids);
  return new KeyholeError(`there is no rule "${what}", and it is no event or finding either`, {
    code: "KEYHOLE_EXPLAIN_TARGET",
    expected: "the seq of an event, the id of a finding (16 hexadecimal digits), or the id of a rule",
    found: what,
    hint: near === null ? `the rules are ${ids.join(", ")}` : `did you mean ${near}?`,
  });
}

function notKnown(question: Question, input: string | undefined): KeyholeError {
  const name = "seq" in question ? `event ${question.seq}` : `finding ${question.finding}`;
  return new KeyholeError(
    input === undefined ? `the agent does not know ${name}, or not any more` : `${name} is not in ${input}`,
    {
      code: "KEYHOLE_EXPLAIN_UNKNOWN" as const,
      hint:
        input === undefined
          ? "it remembers the last events (websocket.recent) and decisions; a recording has all: --input FILE"
          : "name an event or a finding of this recording: `keyhole replay FILE -o json` lists them",
      exitCode: EXIT_NOT_KNOWN,
    },
  );
}
