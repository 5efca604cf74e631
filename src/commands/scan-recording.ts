import { describeError, KeyholeError } from "../errors.js";
import type { ContainerView } from "../exposures/container-view.js";
import { Exposures } from "../exposures/engine.js";
import { openRecording, type Recording } from "../exposures/recording-reader.js";
import { describeProblem } from "../exposures/rule-problems.js";
import { loadedRulesOf } from "./rules-of.js";
import type { ScanOptions } from "./scan.js";
import { chooseContainers, type NotSeen, type ScanReport, scanReport } from "./scan-report.js";

interface Seen {
  readonly view: ContainerView;
  readonly time: string;
}

/**
 * What a scan at the end of a recording would have found: the last look at each container that had not ended by then.
 * Throws KEYHOLE_RECORDING where nothing of it can be read; what is missing of it stands in the report.
 */
export function scanRecording(
  file: string,
  target: Pick<ScanOptions, "container" | "pid" | "config">,
): ScanReport {
  const recording = openRecording(file);
  const { header } = recording;
  const { views, own, ended, time, notSeen } = readViews(recording);
  const all = views.map((seen) => ({ container: seen.view.container, seen }));
  const ofPid = (pid: number) => views.find(({ view }) => view.task.pid === pid)?.view.container.id ?? null;
  const chosen = chooseContainers(all, target, ofPid);
  let now = time;
  const { rules, problems, omitted } = loadedRulesOf(target.config);
  for (const problem of problems)
    notSeen.push({ what: "what a rule is for", reason: describeProblem(problem) });
  if (omitted > 0) notSeen.push({ what: "what rules are for", reason: `${omitted} more problems` });
  const engine = new Exposures({ rules, hostProcDev: header.host_proc_dev, now: () => now });
  engine.leaveOut(own);
  for (const { seen } of chosen) {
    now = seen.time;
    try {
      engine.posture(seen.view);
    } catch (error) {
      notSeen.push({
        what: `container ${seen.view.container.id}`,
        reason: `its line in the recording: ${error}`,
      });
    }
  }
  if (ended > 0)
    notSeen.push({ what: `${ended} containers`, reason: "they had ended when the recording did" });
  const looked = chosen.map(({ container }) => container);
  return scanReport(engine, looked, { node: header.node, time, recording: file, notSeen });
}

function readViews({ header, lines }: Recording) {
  const views = new Map<string, Seen>();
  const notSeen: NotSeen[] = [];
  let [time, ended, lost, own] = [header.time, 0, 0, null as string | null];
  try {
    for (const { line } of lines) {
      if ("lost" in line) lost += line.lost;
      if (!("in" in line)) continue;
      time = line.time;
      if (line.in === "posture") views.set(line.view.container.id, { view: line.view, time });
      else if (line.in === "gone" && views.delete(line.container)) ended += 1;
      else if (line.in === "own") own = line.container;
    }
  } catch (error) {
    if (!(error instanceof KeyholeError)) throw error;
    notSeen.push({ what: "the rest of the recording", reason: describeError(error).split("\n")[0]! });
  }
  if (lost > 0) notSeen.push({ what: `${lost} lines of the recording`, reason: "they were not written" });
  return { views: [...views.values()], own, ended, time, notSeen };
}
