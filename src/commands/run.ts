import { isatty } from "node:tty";
import { Agent, readRules } from "../agent.js";
import { formatAddress } from "../config/address.js";
import { useColor } from "../config/color.js";
import type { Config } from "../config/config.js";
import { DROP_IN_DIRECTORY, type LoadedConfig, RULES_DIRECTORY } from "../config/load.js";
import { watchFiles } from "../config/watched-files.js";
import type { Recorder } from "../exposures/recorder.js";
import type { RecordingFile } from "../exposures/recording-writer.js";
import { createLogger, type Logger } from "../log.js";
import { explainRoutes } from "../publish/explain-routes.js";
import { HttpServer } from "../publish/http.js";
import { inventoryRoutes } from "../publish/inventory-routes.js";
import { Publisher } from "../publish/publisher.js";
import { healthRoute, metricsRoute, readyRoute } from "../publish/routes.js";
import { StdoutSink } from "../publish/stdout.js";
import { Tail } from "../publish/tail.js";
import { Reload } from "../reload.js";
import { metricSources, readyChecks } from "../status.js";

/** sysexits.h: EX_SOFTWARE */
const EXIT_DEFECT = 70;
/** Everything must be over this long after a signal, in milliseconds, whatever hangs. */
const STOP_MS = 950;

/**
 * `keyhole run`: publishes events until SIGINT, SIGTERM or the end of whoever reads stdout. `load` reads the configuration
 * again, at SIGHUP and when one of its files changed; `record` is the file in which events are kept to be replayed. Resolves
 * to the exit status. Throws a KeyholeError when the agent cannot start.
 */
export async function run(
  { config, files }: LoadedConfig,
  load: () => Promise<LoadedConfig>,
  record: RecordingFile | null = null,
): Promise<number> {
  // before anything that takes its time: a signal during the start ends it as well
  const ended = endOf();
  let onHangup = (): void => {};
  process.on("SIGHUP", () => onHangup());
  const log = createLogger(config.log);
  const publisher = new Publisher({ node: config.node });
  const recorder = record === null ? null : await openRecorder(record, config, log);
  // a mistake in what the configuration says of rules ends the start; without any, they wait until the first events are out
  const rules = recorder !== null || namesRules(config) ? await readRules(config) : null;
  const agent = new Agent(config, publisher, log, { recorder, rules });
  const stdout = await openStdout(config, agent, log, ended.end);
  if (recorder !== null) publisher.addSink(recorder);
  if (stdout !== null) publisher.addSink(stdout);
  const reload = new Reload({
    config,
    load,
    rulesOf: readRules,
    tryOut: (rules) => agent.exposures.tryOut(rules),
    use: (loaded) => agent.use(loaded),
    tell: (event) => agent.tell(event),
    log,
  });
  let server: HttpServer | null = null;
  let unwatch = (): void => {};
  let status = 0;
  try {
    const tail = config.listen === null ? null : new Tail(config.websocket);
    if (tail !== null) publisher.addSink(tail);
    server = makeServer(config, { agent, publisher, stdout, tail, reload });
    const listening = await server?.start();
    agent.start({
      listen:
        listening === undefined ? null : formatAddress({ host: listening.address, port: listening.port }),
    });
    onHangup = () => void reload.request("SIGHUP");
    unwatch = watchFiles(
      { files, directories: [DROP_IN_DIRECTORY, config.rules.directory ?? RULES_DIRECTORY] },
      () => void reload.request("a file changed"),
      (path, error) => log.warn("changes of a file will not be seen", { path, errno: error.code ?? null }),
    );
    const reason = await Promise.race([ended.reason, agent.failed.then(() => null)]);
    if (reason === null) status = EXIT_DEFECT;
    // whatever hangs from here on (a reader, a client) does not keep the agent
    setTimeout(() => process.exit(status), STOP_MS).unref();
    await agent.stop(reason ?? "the drain loop ended");
  } finally {
    unwatch();
    await publisher.close();
    await server?.close();
  }
  return status;
}

async function openRecorder(record: RecordingFile, { node }: Config, log: Logger): Promise<Recorder> {
  const [{ Recorder }, { RecordingWriter }] = await Promise.all([
    import("../exposures/recorder.js"),
    import("../exposures/recording-writer.js"),
  ]);
  const onError = (error: NodeJS.ErrnoException) =>
    log.error("the recording cannot be written", { file: record.path, errno: error.code ?? null });
  return new Recorder(new RecordingWriter(record, { onError }), { node });
}

function namesRules({ rules: { directory, disable, severity } }: Config): boolean {
  return directory !== null || disable.length > 0 || Object.keys(severity).length > 0;
}

async function openStdout(
  config: Config,
  agent: Agent,
  log: Logger,
  end: (reason: string) => void,
): Promise<StdoutSink | null> {
  // process.stdout would make the pipe that others share with us non-blocking
  const isTerminal = isatty(1);
  const output = config.output === "auto" ? (isTerminal ? "text" : "json") : config.output;
  if (output === "none") return null;
  const handlers = {
    onClosed: () => end("stdout was closed"),
    onBehind: (behind: boolean) => agent.capture.hold(behind),
    onError: (error: NodeJS.ErrnoException) =>
      log.error("stdout cannot be written", { errno: error.code ?? null }),
  };
  if (output === "json") return new StdoutSink(handlers);
  const { formatLine } = await import("../publish/terminal.js");
  const color = useColor(config.color, { isTTY: isTerminal }, process.env);
  return new StdoutSink({
    ...handlers,
    format: (event) => formatLine(event, { color, ...(isTerminal ? terminalWidth() : undefined) }),
  });
}

/** A terminal that does not tell its size (a serial line, script(1)) says 0. */
function terminalWidth(): { readonly width: number } | undefined {
  const { columns } = process.stdout;
  return columns > 0 ? { width: columns } : undefined;
}

interface Served {
  readonly agent: Agent;
  readonly publisher: Publisher;
  readonly stdout: StdoutSink | null;
  readonly tail: Tail | null;
  readonly reload: Reload;
}

function makeServer(config: Config, { agent, publisher, tail, stdout, reload }: Served): HttpServer | null {
  if (config.listen === null || tail === null) return null;
  return new HttpServer({
    listen: config.listen,
    tls: config.tls,
    token_file: config.token_file,
    names: [config.node],
    routes: [
      metricsRoute(metricSources(agent, { publisher, tail, stdout, reload }, config)),
      healthRoute(() => agent.lastTurn),
      readyRoute(() => readyChecks(agent, reload)),
      ...inventoryRoutes({
        graph: agent.graph,
        tables: agent.view.tables,
        procfs: () => agent.view.procfs(),
      }),
      ...explainRoutes({
        engine: agent.exposures.engine,
        eventOf: (seq) => tail.event(seq),
        scores: () => agent.exposures.scores(),
      }),
    ],
    upgrades: [tail],
  });
}

/** Resolves `reason` at the first signal, or when `end` is called. */
function endOf(): { readonly reason: Promise<string>; readonly end: (reason: string) => void } {
  let end: (reason: string) => void = () => {};
  const reason = new Promise<string>((resolve) => {
    end = resolve;
  });
  // npm passes on a Ctrl-C that the terminal has sent already: the second one must find a handler too
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => end(signal));
  return { reason, end };
}
