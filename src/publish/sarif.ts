import type { ScanReport } from "../commands/scan-report.js";
import { version } from "../config/version.js";
import type { Severity } from "../event.js";
import type { RuleInfo } from "../exposures/rule.js";
import { allRules, type RuleSet } from "../exposures/rule-set.js";
import { neutralise } from "./neutral.js";
import { subjectName } from "./subject-name.js";

/** SARIF has three levels, and tools that read it rank by a number from 0 to 10 beside them. */
const LEVELS: Readonly<Record<Severity, readonly [level: string, rank: string]>> = {
  critical: ["error", "9.5"],
  high: ["error", "8.0"],
  medium: ["warning", "5.5"],
  low: ["note", "3.0"],
  info: ["note", "0.0"],
};

/**
 * The report as a SARIF 2.1.0 log (OASIS, sarif-schema-2.1.0): the rules that found something, and a result for each finding. A
 * container is no file; it stands as an artifact `NODE/CONTAINER`, since readers want one, and as a logical location.
 */
export function sarif(report: ScanReport, set: RuleSet): object {
  const rules = allRules(set).filter(({ id }) => report.findings.some(({ rule }) => rule === id));
  const scores = new Map(report.containers.map(({ id, score }) => [id, score]));
  const indexes = new Map(rules.map(({ id }, index) => [id, index]));
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: { driver: { name: "Keyhole", version: version(), rules: rules.map(describeRule) } },
        columnKind: "utf16CodeUnits",
        invocations: [
          {
            executionSuccessful: true,
            startTimeUtc: report.time,
            toolExecutionNotifications: report.notSeen.map(({ what, reason }) => ({
              level: "warning",
              message: { text: neutralise(`not seen: ${what}: ${reason}`) },
            })),
          },
        ],
        results: report.findings.map((finding) => {
          const { id, rule, severity, title, evidence, remediation } = finding;
          const name = neutralise(subjectName(finding));
          const facts = evidence.map(({ fact, check }) =>
            check === undefined ? fact : `${fact} (${check})`,
          );
          return {
            ruleId: rule,
            ruleIndex: indexes.get(rule),
            level: LEVELS[severity][0],
            message: {
              text: neutralise([`${title}: ${name}`, ...facts, `To do: ${remediation}`].join(". ")),
            },
            locations: [
              {
                physicalLocation: {
                  artifactLocation: {
                    uri: [report.node, finding.subject.id]
                      .map((part) => encodeURIComponent(neutralise(part)))
                      .join("/"),
                  },
                  region: { startLine: 1 },
                },
                logicalLocations: [
                  { name, fullyQualifiedName: neutralise(finding.subject.id), kind: "resource" },
                ],
              },
            ],
            partialFingerprints: { "keyholeFinding/v1": id },
            properties: {
              severity,
              "security-severity": LEVELS[severity][1],
              ...(scores.has(finding.subject.id) && { "container-score": scores.get(finding.subject.id) }),
            },
          };
        }),
      },
    ],
  };
}

function describeRule({ id, title, description, remediation, references, tags, severity }: RuleInfo): object {
  return {
    id,
    shortDescription: { text: title },
    fullDescription: { text: description },
    help: { text: remediation },
    ...(references[0] !== undefined && { helpUri: references[0] }),
    defaultConfiguration: { level: LEVELS[severity][0] },
    properties: { tags, "security-severity": LEVELS[severity][1] },
  };
}
