import type { KeyPath } from "./config.js";

/** How one key is written outside the file. Plain data without imports: the command line reads it at start. */
export interface Key {
  /** Option of `keyhole run`, in commander's notation. */
  readonly flag: string;
  readonly help: string;
  /** Values separated by commas; `pairs` are `name=value`. Absent: one value. */
  readonly many?: "list" | "pairs";
}

/** Every configuration key: its flag and one line of help. The type makes a missing key an error. */
export const KEYS: Readonly<Record<KeyPath, Key>> = {
  attach: {
    flag: "--attach <mode>",
    help: "how to attach: auto, fentry or tracepoint (default auto: fentry where the kernel takes it)",
  },
  opens: {
    flag: "--opens <when>",
    help: "tell what containers open of the host's: auto, on or off (default auto: where the kernel lets it be seen)",
  },
  host_root: { flag: "--host-root <dir>", help: "where the host's root is mounted (default /)" },
  node: { flag: "--node <name>", help: "node name in events (default $NODE_NAME, else the host name)" },
  output: {
    flag: "-o, --output <format>",
    help: "events on stdout: auto, json, text or none (default auto: text on a terminal, else json)",
  },
  color: { flag: "--color <when>", help: "auto, always or never (default auto; NO_COLOR is honoured)" },
  listen: {
    flag: "--listen <address>",
    help: 'HOST:PORT for metrics, health and the event stream, or "off" (default 127.0.0.1:9917)',
  },
  token_file: { flag: "--token-file <file>", help: "file with the bearer token that clients must show" },
  insecure_listen: {
    flag: "--insecure-listen",
    help: "allow an address that others can reach without a token",
  },
  "tls.cert": { flag: "--tls-cert <file>", help: "PEM certificate chain; needs --tls-key" },
  "tls.key": { flag: "--tls-key <file>", help: "PEM private key; needs --tls-cert" },
  "ring.size": { flag: "--ring-size <bytes>", help: "ring buffer, a power of two (default 16MiB)" },
  "limits.rate": {
    flag: "--limits-rate <calls>",
    help: "calls a second of one workload (cgroup) told one by one; beyond it failed calls are summed up (default 20000, 0: no limit)",
  },
  "websocket.recent": {
    flag: "--websocket-recent <events>",
    help: "events kept for WebSocket clients that come back or are slow (default 2048, at most 3 MiB of them)",
  },
  "metrics.per_workload": {
    flag: "--metrics-per-workload",
    help: "metrics of each container: its score and its open findings",
  },
  "inventory.interval": {
    flag: "--inventory-interval <duration>",
    help: "time between two inventories of all tasks (default 5s)",
  },
  "filter.exclude_self": { flag: "--no-exclude-self", help: "report the agent's own calls as well" },
  "filter.cgroups.include": {
    flag: "--filter-cgroup <path>",
    help: "only these cgroups and those below them (paths below the cgroup root)",
    many: "list",
  },
  "filter.cgroups.exclude": { flag: "--exclude-cgroup <path>", help: "all but these cgroups", many: "list" },
  "filter.pid_namespaces.include": {
    flag: "--filter-pidns <inum>",
    help: "only these pid namespaces (inode numbers)",
    many: "list",
  },
  "filter.pid_namespaces.exclude": {
    flag: "--exclude-pidns <inum>",
    help: "all but these pid namespaces",
    many: "list",
  },
  "filter.uids.include": {
    flag: "--filter-uid <uid>",
    help: "only these uids, as the initial user namespace numbers them",
    many: "list",
  },
  "filter.uids.exclude": { flag: "--exclude-uid <uid>", help: "all but these uids", many: "list" },
  "rules.directory": {
    flag: "--rules <dir>",
    help: "directory with files of rules, exceptions and overrides (default /etc/keyhole/rules.d if it exists)",
  },
  "rules.disable": { flag: "--disable-rule <id>", help: "do not evaluate these rules", many: "list" },
  "rules.severity": {
    flag: "--rule-severity <id=severity>",
    help: "severity of a rule: critical, high, medium, low or info",
    many: "pairs",
  },
  "log.level": {
    flag: "--log-level <level>",
    help: "the agent's own log on stderr: debug, info, warn, error or silent (default info)",
  },
  "log.format": { flag: "--log-format <format>", help: "auto, json or text (default auto)" },
};

export const KEY_PATHS = Object.keys(KEYS) as readonly KeyPath[];

/** Name of the environment variable of a key: `ring.size` is KEYHOLE_RING_SIZE. */
export function variableOf(path: KeyPath): string {
  return `KEYHOLE_${path.replaceAll(".", "_").toUpperCase()}`;
}

/** The long flag of a key without its value: `--ring-size`. */
export function flagOf(path: KeyPath): string {
  return /--[a-z-]+/.exec(KEYS[path].flag)![0];
}
