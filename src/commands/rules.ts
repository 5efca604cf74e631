import type { Config } from "../config/config.js";
import type { Problem } from "../config/problem.js";
import { type LoadedRules, loadRuleSet } from "../exposures/rule-loader.js";
import { allFields, exceptionsTable, rulesPage } from "../exposures/rule-pages.js";
import { describeProblem } from "../exposures/rule-problems.js";
import { allRules, NO_OVERRIDES } from "../exposures/rule-set.js";
import { runRuleTests } from "../exposures/rule-tests.js";
import { neutralise } from "../publish/neutral.js";
import { alignTable } from "../publish/table.js";

/** A file or directory with problems. */
const EXIT_PROBLEMS = 2;
const EXIT_FAILED = 1;
/** All of them, for who corrects them; and not more than a terminal takes. */
const MAX_PROBLEMS = 1000;

export interface RulesOptions {
  readonly config: Pick<Config, "rules">;
  /** Where the text goes; stdout when it is not given. */
  readonly write?: (text: string) => void;
}

/**
 * `keyhole rules check`: says all that is wrong with the files of rules in `directories`, or in the configured one. Returns the
 * exit status: 0, or 2 when there is something.
 */
export function checkRules(directories: readonly string[], options: RulesOptions): number {
  const write = writerOf(options);
  let status = 0;
  for (const directory of named(directories, options)) {
    const loaded = load(directory, options);
    tellProblems(loaded, write);
    if (loaded.problems.length > 0) status = EXIT_PROBLEMS;
    const { data, exceptions, files } = theirs(loaded);
    write(
      `${directory ?? "the configured directory"}: ${count(files.length, "file")}, ${count(data.length, "rule")}, ` +
        `${count(exceptions.length, "exception")}, ${count(loaded.problems.length + loaded.omitted, "problem")}\n`,
    );
  }
  return status;
}

/**
 * `keyhole rules test`: runs the tests of the rules and exceptions in `directories`; without one of all that there are. Returns
 * the exit status: 0, 1 when one fails, 2 when a file has problems.
 */
export function testRules(directories: readonly string[], options: RulesOptions): number {
  const write = writerOf(options);
  let status = 0;
  for (const directory of named(directories, options)) {
    const loaded = load(directory, options);
    tellProblems(loaded, write);
    const { data, exceptions } = directories.length === 0 ? loaded : theirs(loaded);
    const { passed, failed, untested } = runRuleTests(data, exceptions);
    for (const { where, of, name, expected, found } of failed)
      write(`${where}: ${of}: ${neutralise(name)}: expected ${expected}, found ${found}\n`);
    if (untested.length > 0) write(`without a test: ${untested.join(", ")}\n`);
    write(`${count(passed, "test")} passed, ${failed.length} failed\n`);
    if (failed.length > 0) status = Math.max(status, EXIT_FAILED);
    if (loaded.problems.length > 0) status = EXIT_PROBLEMS;
  }
  return status;
}

/** `keyhole rules docs`: all rules and exceptions as Markdown. Returns the exit status. */
export function documentRules(options: RulesOptions): number {
  const write = writerOf(options);
  const loaded = load(null, options);
  const tables = [
    "# Rules",
    rulesPage(allRules(loaded.rules), loaded.exceptions),
    "# Exceptions",
    exceptionsTable(loaded.exceptions),
  ];
  write(`${tables.join("\n\n")}\n`);
  tellProblems(loaded, (text) => void process.stderr.write(text));
  return loaded.problems.length > 0 ? EXIT_PROBLEMS : 0;
}

/** `keyhole rules fields`: what conditions, exceptions, evidence and tests can name. Returns the exit status. */
export function listFields(output: "table" | "json", options: Partial<RulesOptions> = {}): number {
  const write = writerOf(options);
  if (output === "json") {
    write(`${JSON.stringify({ schema: 1, fields: allFields() })}\n`);
    return 0;
  }
  const columns = ["FIELD", "TYPE", "OF", "MEANING"].map((name) => ({ name }));
  const rows = allFields().map(({ name, type, on, doc }) => [name, type, on.join(","), doc]);
  const { header, lines } = alignTable(columns, rows);
  write(`${[header, ...lines].join("\n")}\n`);
  return 0;
}

/** The directories that are meant; null is the configured one, or the usual one. */
function named(directories: readonly string[], { config }: RulesOptions): readonly (string | null)[] {
  return directories.length > 0 ? directories : [config.rules.directory];
}

function load(directory: string | null, { config }: RulesOptions): LoadedRules {
  const overrides = directory === null ? config.rules : NO_OVERRIDES;
  return loadRuleSet({
    directory: directory ?? config.rules.directory,
    overrides,
    maxProblems: MAX_PROBLEMS,
  });
}

/** What stands in the user's files alone. */
function theirs({
  data,
  exceptions,
  files,
}: LoadedRules): Pick<LoadedRules, "data" | "exceptions" | "files"> {
  const isTheirs = (origin: string) => files.some((file) => origin.startsWith(`${file}:`));
  return {
    files,
    data: data.filter(({ info }) => isTheirs(info.origin!)),
    exceptions: exceptions.filter(({ origin }) => isTheirs(origin)),
  };
}

function tellProblems(
  { problems, omitted }: { readonly problems: readonly Problem[]; readonly omitted: number },
  write: (text: string) => void,
): void {
  for (const problem of problems) write(`${neutralise(describeProblem(problem))}\n`);
  if (omitted > 0) write(`… and ${count(omitted, "more problem")}\n`);
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}

export function writerOf({ write }: Partial<RulesOptions>): (text: string) => void {
  return write ?? ((text) => void process.stdout.write(text));
}
