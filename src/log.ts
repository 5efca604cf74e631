import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import { isatty } from "node:tty";
import type { Logger as Pino, pino } from "pino";
import type { Config, LogLevel } from "./config/config.js";
import { neutralise, word } from "./publish/neutral.js";
import { reopen } from "./publish/pipe.js";

export type LogDetails = Readonly<Record<string, unknown>>;

/** The agent's own log, on stderr: not the events. */
export interface Logger {
  debug(message: string, details?: LogDetails): void;
  info(message: string, details?: LogDetails): void;
  warn(message: string, details?: LogDetails): void;
  error(message: string, details?: LogDetails): void;
  /** Lines below `level` are not written from now on. */
  setLevel(level: LogLevel): void;
  /** Lines that were not written because nobody reads stderr. */
  readonly dropped: number;
}

type Written = Exclude<LogLevel, "silent">;
const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error", "silent"];

/**
 * A log with JSON lines (pino: level, time, message, details) or short lines for people. A line is written
 * before the call returns; a stderr whose reader has stopped loses lines and never blocks the agent.
 */
export function createLogger({ level, format }: Config["log"], fd = 2): Logger {
  const lines = new Lines(fd);
  const json = format === "json" || (format === "auto" && !isatty(fd));
  const write = json ? jsonWriter(lines) : textWriter(lines);
  let least = LEVELS.indexOf(level);
  const at =
    (own: Written) =>
    (message: string, details: LogDetails = {}) => {
      if (LEVELS.indexOf(own) >= least) write(own, message, details);
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    setLevel: (other) => {
      least = LEVELS.indexOf(other);
    },
    get dropped() {
      return lines.dropped;
    },
  };
}

type Write = (level: Written, message: string, details: LogDetails) => void;

/** pino is loaded with the first line: it takes longer than all the rest of a command's start. */
function jsonWriter(lines: Lines): Write {
  let logger: Pino | null = null;
  return (level, message, details) => {
    logger ??= openPino(lines);
    logger[level](details, message);
  };
}

function openPino(lines: Lines): Pino {
  const load = createRequire(import.meta.url)("pino") as typeof pino;
  const options = {
    level: "debug",
    base: null,
    messageKey: "message",
    timestamp: load.stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
  };
  return load(options, lines);
}

function textWriter(lines: Lines): Write {
  return (level, message, details) => {
    const prefix = level === "info" ? "" : `${level}: `;
    const rest = Object.entries(details).map(([name, value]) => ` ${name}=${detail(value)}`);
    lines.write(`keyhole: ${prefix}${neutralise(message)}${rest.join("")}\n`);
  };
}

function detail(value: unknown): string {
  if (value instanceof Error) return word(value.message);
  return typeof value === "string" ? word(value) : neutralise(JSON.stringify(value) ?? "null");
}

/** Lines to a file descriptor that is not waited for. */
class Lines {
  readonly #fd: number;
  dropped = 0;

  constructor(fd: number) {
    this.#fd = reopen(fd) ?? fd;
  }

  write(line: string): void {
    try {
      writeSync(this.#fd, line);
    } catch {
      this.dropped++;
    }
  }
}
