import type { ContainerScore } from "../exposures/score.js";
import { neutralise } from "../publish/neutral.js";
import { subjectName } from "../publish/subject-name.js";

/** Containers that are not listed are told in a line; the most exposed are. */
const LISTED = 20;

/** The scores of the containers in which something was found, the highest first. */
export function scoresTable(containers: readonly ContainerScore[]): string {
  const exposed = containers.filter(({ score }) => score > 0);
  const listed = exposed.slice(0, LISTED).map(({ id, container, score, findings }) => {
    const counts = Object.entries(findings).filter(([, count]) => count > 0);
    const name = subjectName({ subject: { kind: "container", id, container, pid: null } });
    const told = counts.map(([severity, count]) => `${count} ${severity}`).join(", ");
    return `${String(score).padStart(5)}  ${neutralise(name)}  ${told}\n`;
  });
  if (listed.length === 0) return "";
  const more = exposed.length > LISTED ? `       and ${exposed.length - LISTED} more, with less\n` : "";
  return `SCORE  CONTAINER (from 0 to 100: what root inside it could reach)\n${listed.join("")}${more}`;
}
