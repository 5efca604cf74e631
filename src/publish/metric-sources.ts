import type { FindingCount } from "../exposures/finding-counts.js";
import type { ContainerScore } from "../exposures/score.js";
import type { ReloadState } from "../reload.js";
import type { EventCount } from "./publisher.js";

/** State of one BPF program that should be attached. */
export interface ProgramState {
  readonly program: string;
  readonly attached: boolean;
  /** `recursion_misses` of struct bpf_prog_info. */
  readonly missed: number;
}

/**
 * Where the metrics get their values. Every function is called once or more per scrape and never between
 * two; counters must never go down. Label values must be from closed sets: nothing that a traced process chose.
 */
export interface MetricSources {
  /** Versions of the agent and of the libbpf that was loaded. */
  build(): { readonly version: string; readonly libbpf: string };
  ready(): boolean;
  /** {@link Publisher.counts}. */
  events(): Iterable<EventCount>;
  /** Calls that the filter of the configuration left out. */
  filteredEvents(): number;
  /** Failed calls that were counted in the kernel and told in sums. */
  summarisedCalls(): number;
  stories(): { readonly open: number; readonly begun: number };
  /** Lost events by reason; reasons of LOST_REASONS that are absent are 0. */
  lost(): ReadonlyMap<string, number>;
  /** Open posture findings by rule and severity. */
  findingsOpen(): Iterable<FindingCount>;
  /** Findings since the start by rule and severity. */
  findings(): Iterable<FindingCount>;
  suppressedFindings(): ReadonlyMap<string, number>;
  /** How reloading configuration and rules went. */
  reloads(): ReloadState;
  /** How exposed each running container is, the worst first. */
  scores(): readonly ContainerScore[];
  /** Whether single containers have series of their own. */
  readonly perWorkload: boolean;
  /** Containers and calls that could not be judged because something failed. */
  judgementErrors(): number;
  /** What had to make room in a bounded table, by table. */
  evictions(): ReadonlyMap<string, number>;
  programs(): Iterable<ProgramState>;
  /** Bytes. */
  ring(): { readonly size: number; readonly pending: number };
  /** Namespaces known, by type. */
  namespaces(): ReadonlyMap<string, number>;
  /** Mount tables that were read, and what of them is known. */
  mountTables(): {
    readonly complete: number;
    readonly incomplete: number;
    readonly mounts: number;
    /** Readings since the start, by how. */
    readonly read: ReadonlyMap<string, number>;
    /** Differences that neither the kernel's counter nor an event had told, by what differed. */
    readonly corrections: ReadonlyMap<string, number>;
  };
  procfsInstances(): number;
  /** How long the last look for what holds namespaces took. */
  lookSeconds(): number;
  tasks(): number;
  containers(): number;
  inventory(): {
    readonly count: number;
    readonly lastSeconds: number;
    readonly corrections: ReadonlyMap<string, number>;
  };
  websocket(): { readonly clients: number; readonly dropped: number };
}
