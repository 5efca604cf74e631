import { fileURLToPath } from "node:url";
import { programs, versionOf } from "./programs.js";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PROGRAM = `${ROOT}dist/keyhole.js`;

export type Role = "keyhole" | "reference" | "floor";

/** Something that reports each setns(2) as a line of JSON on stdout; bench/programs/tally.c knows what is in it. */
export interface Tracer {
  readonly name: string;
  readonly role: Role;
  readonly command: readonly string[];
  /** What ends it in good order. */
  readonly signal: NodeJS.Signals;
  /** How it tells that it is attached: by reporting a call, by the word "ready", or by answering 200 at a URL. */
  readonly ready: "event" | "word" | { readonly url: string };
  /** Where bench/profiler.js in it writes the CPU profile; absent where it is not profiled. */
  readonly profile?: string;
}

/** Why a tracer cannot be measured, and what to do about it. */
export interface Missing {
  readonly name: string;
  readonly missing: string;
}

export function isMissing(tracer: object): tracer is Missing {
  return "missing" in tracer;
}

/** As `npm start` runs node. */
const NODE = [process.execPath, "--max-semi-space-size=2"];

/** The port of the agent that prints nothing: from the dynamic range, since 0 could not be asked for its number. */
const PORT = 49_152 + (process.pid % 16_384);

/** Everything on: stdout, the server, all rules, the inventory every five seconds. */
export function keyhole(): Tracer {
  return {
    name: "keyhole",
    role: "keyhole",
    command: [...NODE, ...agent(["--output", "json", "--listen", "127.0.0.1:0"])],
    signal: "SIGTERM",
    ready: "event",
  };
}

/** All of it but the lines: nothing is serialised. */
export function quietKeyhole(): Tracer {
  const listen = `127.0.0.1:${PORT}`;
  return {
    ...keyhole(),
    command: [...NODE, ...agent(["--output", "none", "--listen", listen, "--websocket-recent", "0"])],
    ready: { url: `http://${listen}/readyz` },
  };
}

/** The same with a profiler in it, which writes to `folder`; of the agent its modules, whose names tell more than a bundle's. */
export function profiled<T extends { readonly command: readonly string[] }>(tracer: T, folder: string): T {
  const [node = "", ...args] = tracer.command;
  const profiler = new URL("profiler.js", import.meta.url);
  profiler.searchParams.set("folder", folder);
  const modules = args.map((arg) => (arg === PROGRAM ? `${ROOT}dist/main.js` : arg));
  return { ...tracer, command: [node, "--import", profiler.href, ...modules], profile: folder };
}

function agent(options: readonly string[]): readonly string[] {
  return [PROGRAM, "run", "--log-level", "error", ...options];
}

/** bench/programs/consumer.c; `how` it gets to know of records. */
export function consumer(how: "poll" | "timer", prints: "json" | "none"): Tracer | Missing {
  const name = how === "poll" ? "C, ring_buffer__poll()" : "C, looks every 20 ms";
  const built = programs().consumer;
  if ("missing" in built) return { name, missing: built.missing };
  return {
    name,
    role: "reference",
    command: [built.program, built.object, how, prints],
    signal: "SIGTERM",
    ready: prints === "json" ? "event" : "word",
  };
}

/** Node and @keyhole/libbpf with the minimal BPF program: bench/floor/line.js. */
export function floor(prints: "json" | "none" = "json"): Tracer | Missing {
  const name = "floor: Node, minimal program";
  const built = programs().consumer;
  if ("missing" in built) return { name, missing: built.missing };
  return {
    name,
    role: "floor",
    command: [...NODE, `${ROOT}bench/floor/line.js`, built.object, prints],
    signal: "SIGTERM",
    ready: prints === "json" ? "event" : "word",
  };
}

/** Node and @keyhole/libbpf with the BPF programs of the agent: bench/floor/start.js. */
export function startFloor(): Tracer {
  return {
    name: "floor: Node, same programs",
    role: "floor",
    command: [...NODE, `${ROOT}bench/floor/start.js`],
    signal: "SIGTERM",
    ready: "event",
  };
}

/** The shortest line that says which call of whom. */
const SCRIPT =
  'tracepoint:syscalls:sys_enter_setns { printf("{\\"syscall\\":\\"setns\\",\\"args\\":{\\"fd\\":%d},\\"process\\":{\\"pid\\":%d,\\"comm\\":\\"%s\\"}}\\n", args->fd, pid, comm); }';

/** For what needs a tracefs, as Keyhole does not: mounted in a mount namespace of its own where there is none. */
function withTracefs(command: readonly string[]): readonly string[] {
  const script = 'mountpoint -q "$0" || mount -t tracefs none "$0"; exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, "/sys/kernel/tracing", ...command];
}

/** A tracer that starts the program that it traces. */
export interface Wrapper {
  readonly name: string;
  readonly role: "reference";
  readonly command: readonly string[];
}

export function strace(): Wrapper | Missing {
  const version = versionOf("strace");
  if (version === null) return { name: "strace", missing: "strace is not installed: apt-get install strace" };
  const command = ["strace", "-f", "-o", "/dev/null", "-e", "trace=setns"];
  return { name: version.replace(" -- version", ""), role: "reference", command };
}

export function perfTrace(): Wrapper | Missing {
  const version = versionOf("perf");
  if (version === null)
    return { name: "perf trace", missing: "perf is not installed: apt-get install linux-perf" };
  const command = withTracefs(["perf", "trace", "-e", "setns", "-o", "/dev/null", "--"]);
  return { name: version.replace("version", "trace"), role: "reference", command };
}

export function bpftrace(): Tracer | Missing {
  const version = versionOf("bpftrace");
  if (version === null)
    return { name: "bpftrace", missing: "bpftrace is not installed: apt-get install bpftrace" };
  return {
    name: version,
    role: "reference",
    command: withTracefs(["bpftrace", "-e", SCRIPT]),
    signal: "SIGINT",
    ready: "event",
  };
}
