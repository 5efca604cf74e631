import { shippedRules } from "../../src/exposures/rule-loader.js";
import { exceptionsTable, fieldsTable, rulesPage } from "../../src/exposures/rule-pages.js";
import { allRules } from "../../src/exposures/rule-set.js";

const LOADED = shippedRules();

/** A list of all rules, and one section for each. */
export function rules(): string {
  return rulesPage(allRules(LOADED.rules), LOADED.exceptions);
}

/** The exceptions that Keyhole comes with. */
export function exceptions(): string {
  return exceptionsTable(LOADED.exceptions);
}

/** The fields that conditions and exceptions can name. */
export function ruleFields(): string {
  return fieldsTable();
}
