import type { Command } from "commander";
import { addFlags } from "../config/flags.js";
import { configOf, GLOBAL_KEYS, RULES_KEYS } from "./configuration.js";
import { EXIT_CODES } from "./exits.js";
import { common, outputOption } from "./output.js";

/** `keyhole rules`. */
export function addRules(root: Command): void {
  const rules = root
    .command("rules")
    .description("list, check, test and describe the rules, of Keyhole and of your files")
    .addHelpText(
      "after",
      `
Examples:
  keyhole rules list                            every rule, and whether this node has what it needs
  keyhole rules check /etc/keyhole/rules.d      before the agent reads them
  keyhole rules test rules.d                    the tests that stand beside the rules
  keyhole rules fields | grep file              what a condition can name`,
    );
  const add = (name: string, description: string, codes: string): Command => {
    const command = rules.command(name).description(description);
    addFlags(command, RULES_KEYS);
    const rest = EXIT_CODES.replace("the command line", "a file of rules has problems, or the command line");
    return command.addHelpText("after", `\nExit codes:\n${codes}${rest}`);
  };
  const done = "  0   done";
  const list = add("list", "print every rule and its state", done).addOption(outputOption());
  list.action(async () => {
    const config = await configOf(list, [...GLOBAL_KEYS, ...RULES_KEYS]);
    const { listRules } = await import("../commands/rules-list.js");
    process.exitCode = listRules({ config, ...common(list, config) });
  });
  const check = add("check", "say all that is wrong with files of rules", done).argument(
    "[directory...]",
    "directories of files of rules (default the configured one)",
  );
  check.action(async (directories: string[]) => {
    const config = await configOf(check, [...GLOBAL_KEYS, ...RULES_KEYS]);
    const { checkRules } = await import("../commands/rules.js");
    process.exitCode = checkRules(directories, { config });
  });
  const test = add(
    "test",
    "run the tests that stand beside rules and exceptions",
    "  0   all passed\n  1   one failed",
  ).argument("[directory...]", "directories of files of rules (default all rules that there are)");
  test.action(async (directories: string[]) => {
    const config = await configOf(test, [...GLOBAL_KEYS, ...RULES_KEYS]);
    const { testRules } = await import("../commands/rules.js");
    process.exitCode = testRules(directories, { config });
  });
  const docs = add("docs", "print all rules and exceptions as Markdown", done);
  docs.action(async () => {
    const config = await configOf(docs, [...GLOBAL_KEYS, ...RULES_KEYS]);
    const { documentRules } = await import("../commands/rules.js");
    process.exitCode = documentRules({ config });
  });
  const fields = rules
    .command("fields")
    .description("print the fields that conditions, exceptions, evidence and tests can name")
    .addOption(outputOption());
  fields.action(async () => {
    const { listFields } = await import("../commands/rules.js");
    process.exitCode = listFields(fields.opts<{ output: "table" | "json" }>().output);
  });
}
