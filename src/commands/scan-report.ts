import { KeyholeError } from "../errors.js";
import { type ContainerRef, SCHEMA_VERSION } from "../event.js";
import type { Exposures } from "../exposures/engine.js";
import type { FindingChange } from "../exposures/findings.js";
import { type ContainerScore, noScore, scores } from "../exposures/score.js";
import { matchContainers } from "../workloads/container-match.js";
import { bySeverity } from "./findings-table.js";

/** Something that the scan could not look at, and why. What is not listed and has no finding is clean. */
export interface NotSeen {
  readonly what: string;
  readonly reason: string;
}

export interface ScanReport {
  readonly schema: typeof SCHEMA_VERSION;
  readonly node: string;
  /** RFC 3339, when the scan began; of a recording, when it ended. */
  readonly time: string;
  /** The recording that was looked at instead of the node; null: none. */
  readonly recording: string | null;
  /** Whether {@link notSeen} is empty. */
  readonly complete: boolean;
  readonly notSeen: readonly NotSeen[];
  /** Findings that are not in {@link findings}, by reason: see {@link Exposures.suppressed}. */
  readonly suppressed: { readonly [reason: string]: number };
  /** Those that were looked at, the most exposed first. */
  readonly containers: readonly ContainerScore[];
  /** The most severe first. */
  readonly findings: readonly FindingChange[];
}

export type ScanFacts = Pick<ScanReport, "node" | "time" | "recording" | "notSeen">;

/** What `engine` has found about `looked`. */
export function scanReport(engine: Exposures, looked: readonly ContainerRef[], facts: ScanFacts): ScanReport {
  const findings = engine.findings();
  const found = scores(findings);
  const ids = new Set(found.map(({ id }) => id));
  return {
    schema: SCHEMA_VERSION,
    ...facts,
    complete: facts.notSeen.length === 0,
    suppressed: Object.fromEntries([...engine.suppressed()].filter(([, count]) => count > 0)),
    containers: [...found, ...looked.filter(({ id }) => !ids.has(id)).map(noScore)],
    findings: bySeverity(findings),
  };
}

/** Which of the containers are to be looked at. */
export interface ScanTarget {
  /** Only this container, or those of this pod: see {@link matchContainers}. */
  readonly container?: string;
  /** Only the container of this process. */
  readonly pid?: number;
}

/**
 * What of `all` is meant by `target`; `ofPid` gives the container that a process is in. Throws KEYHOLE_SCAN_TARGET where that
 * is none, or not sure.
 */
export function chooseContainers<T extends { readonly container: ContainerRef }>(
  all: readonly T[],
  { container, pid }: ScanTarget,
  ofPid: (pid: number) => string | null,
): readonly T[] {
  let chosen = all;
  if (container !== undefined) {
    const match = matchContainers(
      chosen.map((one) => one.container),
      container,
    );
    const count = match.containers.length;
    if (count === 0 || (match.prefix && count > 1)) throw noSuchContainer(`container ${container}`, count);
    const ids = new Set(match.containers.map(({ id }) => id));
    chosen = chosen.filter((one) => ids.has(one.container.id));
  }
  if (pid !== undefined) {
    const id = ofPid(pid);
    chosen = chosen.filter((one) => one.container.id === id);
    if (chosen.length !== 1) throw noSuchContainer(`process ${pid} in a container`, chosen.length);
  }
  return chosen;
}

function noSuchContainer(what: string, found: number): KeyholeError {
  return new KeyholeError(found === 0 ? `there is no ${what}` : `there is more than one ${what}`, {
    code: "KEYHOLE_SCAN_TARGET",
    expected: "a container that was looked at: its id, the beginning of it, its name, or its pod",
    found: String(found),
    hint: "`keyhole scan` without a target names all containers",
  });
}
