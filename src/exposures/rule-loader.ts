import { readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RULES_DIRECTORY } from "../config/load.js";
import type { Problem } from "../config/problem.js";
import { KeyholeError } from "../errors.js";
import { actRule, containerRule, type DataRule, storyRule } from "./data-rule.js";
import type { DataException } from "./exception-compiler.js";
import { compileFiles, type RuleFiles } from "./rule-files.js";
import { describeProblem } from "./rule-problems.js";
import {
  allRules,
  DETECTORS,
  NO_OVERRIDES,
  type RuleOverrides,
  type RuleSet,
  withOverrides,
} from "./rule-set.js";
import { atOnce, inSlices, type Sliced } from "./slices.js";

/** Where those are that Keyhole comes with: beside this one, also where that is compiled. */
const OWN = fileURLToPath(new URL("../../src/exposures/rules/", import.meta.url));

export interface RuleSources {
  /** The directory of the user's files; null: {@link RULES_DIRECTORY}, which need not exist. */
  readonly directory: string | null;
  /** What the configuration says about rules: it has the last word. */
  readonly overrides: RuleOverrides;
  /** How many problems are told one by one. */
  readonly maxProblems?: number;
}

export interface LoadedRules {
  /** All that can be used: the detectors, and the rules and exceptions of files. */
  readonly rules: RuleSet;
  /** What is wrong with the user's files. What it is about is not in `rules`, the rest is. */
  readonly problems: readonly Problem[];
  /** How many more problems there are. */
  readonly omitted: number;
  /** The user's files, in the order in which they were read. */
  readonly files: readonly string[];
  /** The rules of files, with their tests. */
  readonly data: readonly DataRule[];
  /** All exceptions of files, with their tests; also those that are switched off. */
  readonly exceptions: readonly DataException[];
}

/** More than anyone corrects in one go. */
const MAX_PROBLEMS = 100;
/** Files of one directory. */
const MAX_FILES = 500;

/**
 * The rules that Keyhole comes with, and those of the user's files on top, for who does nothing else. Throws KEYHOLE_RULE_UNKNOWN where the
 * configuration names a rule that does not exist, unless it may be one of those with problems; KEYHOLE_RULES (status 70) where
 * a file that Keyhole comes with cannot be used.
 */
export function loadRuleSet(sources: RuleSources): LoadedRules {
  return atOnce(loading(sources));
}

/** As {@link loadRuleSet}, for an agent, which has other things to do meanwhile. */
export function loadRuleSetInSlices(sources: RuleSources): Promise<LoadedRules> {
  return inSlices(loading(sources));
}

function loading({ directory, overrides, maxProblems = MAX_PROBLEMS }: RuleSources): Sliced<LoadedRules> {
  const problems: Problem[] = [];
  const files = filesOf(directory ?? RULES_DIRECTORY, directory !== null, problems);
  return loadFiles(files, overrides, problems, maxProblems);
}

/** The rules that Keyhole comes with, alone. */
export function shippedRules(): LoadedRules {
  return atOnce(loadFiles([], NO_OVERRIDES, [], MAX_PROBLEMS));
}

function* loadFiles(
  files: readonly string[],
  overrides: RuleOverrides,
  problems: Problem[],
  maxProblems: number,
): Sliced<LoadedRules> {
  const loaded = yield* compileFiles(OWN, files, DETECTORS);
  const broken = [...problems, ...loaded.problems].filter(({ where }) => where.startsWith(OWN));
  if (broken.length > 0) {
    throw new KeyholeError("the rules that Keyhole comes with cannot be used", {
      code: "KEYHOLE_RULES",
      found: broken.map(describeProblem).join("\n            "),
      hint: "install Keyhole again",
      exitCode: 70,
    });
  }
  problems.push(...loaded.problems);
  const set = joined(loaded);
  const known = new Set(allRules(set).map(({ id }) => id));
  const rules = withOverrides(set, problems.length === 0 ? overrides : knownOnly(overrides, known, problems));
  return {
    rules,
    problems: problems.slice(0, maxProblems),
    omitted: Math.max(0, problems.length - maxProblems),
    files,
    data: loaded.rules,
    exceptions: loaded.exceptions,
  };
}

/** Whether `origin` is in a file that Keyhole comes with; undefined is that of a detector. */
export function isShipped(origin: string | undefined): boolean {
  return origin === undefined || origin.startsWith(OWN);
}

/** The detectors with what was read from files. */
function joined({ rules, exceptions, overrides }: RuleFiles): RuleSet {
  const on = (kind: DataRule["on"]) => rules.filter((rule) => rule.on === kind);
  return {
    ...DETECTORS,
    posture: [...DETECTORS.posture, ...on("container").map(containerRule)],
    acts: [...DETECTORS.acts, ...on("call").map(actRule)],
    stories: [...DETECTORS.stories, ...on("story").map(storyRule)],
    exceptions: [...DETECTORS.exceptions, ...exceptions.filter(({ enabled }) => enabled)],
    overrides,
  };
}

/** A rule that the configuration names may be one that could not be loaded: that is a problem more, and no reason to stop. */
function knownOnly(
  { disable, severity }: RuleOverrides,
  known: ReadonlySet<string>,
  problems: Problem[],
): RuleOverrides {
  for (const rule of new Set([...disable, ...Object.keys(severity)])) {
    if (!known.has(rule)) problems.push({ where: "rules", what: `there is no rule "${rule}"` });
  }
  return {
    disable: disable.filter((rule) => known.has(rule)),
    severity: Object.fromEntries(Object.entries(severity).filter(([rule]) => known.has(rule))),
  };
}

/** The `*.yaml` of `directory` in the order of their names. One that was not `named` may be missing. */
function filesOf(directory: string, named: boolean, problems: Problem[]): readonly string[] {
  let names: string[];
  try {
    names = readdirSync(directory).filter((name) => name.endsWith(".yaml") && !name.startsWith("."));
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    if (named || code !== "ENOENT")
      problems.push({ where: directory, what: "the directory of rules cannot be read", found: code });
    return [];
  }
  if (names.length > MAX_FILES) {
    const found = String(names.length);
    problems.push({ where: directory, what: "too many files", expected: `at most ${MAX_FILES}`, found });
  }
  return names
    .sort()
    .slice(0, MAX_FILES)
    .map((name) => join(directory, name));
}
