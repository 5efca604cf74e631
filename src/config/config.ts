import type { Severity } from "../event.js";

/** Where `keyhole run` listens: an IP address or `localhost`, and a port (0: any free one). */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** Ids to keep and ids to leave out. An empty `include` keeps all; `exclude` wins over `include`. */
export interface Selection<T> {
  readonly include: readonly T[];
  readonly exclude: readonly T[];
}

/**
 * The whole configuration after defaults, files, environment and flags. Keys have the names they have in
 * the file, so that one word finds the documentation, the error message and the code.
 */
export interface Config {
  readonly attach: "auto" | "fentry" | "tracepoint";
  /** Whether files are told that tasks of containers open; `on`: the agent does not start where they cannot be seen. */
  readonly opens: "auto" | "on" | "off";
  /** Directory below which the host's /proc and /sys are found. */
  readonly host_root: string;
  /** `node` of every event. */
  readonly node: string;
  /** `auto` is `text` on a terminal and `json` elsewhere. */
  readonly output: "auto" | "json" | "text" | "none";
  readonly color: "auto" | "always" | "never";
  /** Null: no server (`off` in the file). */
  readonly listen: ListenAddress | null;
  /** File with the bearer token, null: none is asked for. */
  readonly token_file: string | null;
  /** Permission to listen beyond loopback without a token. */
  readonly insecure_listen: boolean;
  /** PEM files; both or neither. */
  readonly tls: { readonly cert: string | null; readonly key: string | null };
  /** Bytes, a power of two. */
  readonly ring: { readonly size: number };
  /** Calls a second of one workload that are told one by one; beyond it failed ones are counted. 0: no limit. */
  readonly limits: { readonly rate: number };
  /** How many events are kept for clients of the WebSocket that come back or are slow. */
  readonly websocket: { readonly recent: number };
  /** Whether containers have series of their own among the metrics. */
  readonly metrics: { readonly per_workload: boolean };
  /** Milliseconds. */
  readonly inventory: { readonly interval: number };
  readonly filter: {
    /** Leave out the agent's own calls. */
    readonly exclude_self: boolean;
    /** Paths below the cgroup root, with a leading slash. */
    readonly cgroups: Selection<string>;
    /** Inode numbers of pid namespaces. */
    readonly pid_namespaces: Selection<number>;
    /** Uids of the initial user namespace. */
    readonly uids: Selection<number>;
  };
  readonly rules: {
    /** Directory of files of rules; null: that of RULES_DIRECTORY in config/load.ts, if it exists. */
    readonly directory: string | null;
    /** Ids of rules that are not evaluated. */
    readonly disable: readonly string[];
    /** Severity by rule id, in place of the rule's own. */
    readonly severity: { readonly [rule: string]: Severity };
  };
  /** The agent's own log on stderr. `auto` is `text` on a terminal and `json` elsewhere. */
  readonly log: { readonly level: LogLevel; readonly format: "auto" | "json" | "text" };
}

export const LOG_LEVELS = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The values of what nobody configured. `node` is filled in from the environment or the host's name. */
export const DEFAULTS: Config = {
  attach: "auto",
  opens: "auto",
  host_root: "/",
  node: "",
  output: "auto",
  color: "auto",
  listen: { host: "127.0.0.1", port: 9917 },
  token_file: null,
  insecure_listen: false,
  tls: { cert: null, key: null },
  ring: { size: 16 * 1024 * 1024 },
  limits: { rate: 20_000 },
  websocket: { recent: 2_048 },
  metrics: { per_workload: false },
  inventory: { interval: 5_000 },
  filter: {
    exclude_self: true,
    cgroups: { include: [], exclude: [] },
    pid_namespaces: { include: [], exclude: [] },
    uids: { include: [], exclude: [] },
  },
  rules: { directory: null, disable: [], severity: {} },
  log: { level: "info", format: "auto" },
};

type Leaf = string | number | boolean | null | readonly unknown[] | ListenAddress;

/** Part of a {@link Config}: what one file, the environment or the flags said. */
export type Layer<T = Config> = T extends Leaf
  ? T
  : { readonly [K in keyof T]?: T[K] extends Leaf ? T[K] : Layer<T[K]> };

type Paths<T, Prefix extends string> = {
  [K in keyof T & string]: string extends keyof T[K]
    ? `${Prefix}${K}`
    : T[K] extends Leaf
      ? `${Prefix}${K}`
      : Paths<T[K], `${Prefix}${K}.`>;
}[keyof T & string];

/** Dotted name of one configuration key, as `ring.size`. */
export type KeyPath = Paths<Config, "">;
