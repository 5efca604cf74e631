import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Config } from "../../src/config/config.js";
import { createLogger, type Logger } from "../../src/log.js";

let dir: string;
before(() => {
  dir = mkdtempSync(join(tmpdir(), "keyhole-log-"));
});
after(() => rmSync(dir, { recursive: true }));

/** What `use` logs, by way of a file that already holds a line. */
function logged(config: Config["log"], use: (log: Logger) => void): string {
  const path = join(dir, `${Math.random()}.log`);
  const file = openSync(path, "a");
  use(createLogger(config, file));
  closeSync(file);
  return readFileSync(path, "utf8");
}

test("to a file the log is JSON lines with level, time, message and details", () => {
  const text = logged({ level: "info", format: "auto" }, (log) => {
    log.debug("hidden");
    log.info("attached", { programs: 4 });
    log.warn("odd \x1b[2J");
    log.error("bad", { err: new Error("why") });
  });
  assert.doesNotMatch(text, /\x1b/);
  const lines = text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual(
    lines.map(({ level, message, programs }) => [level, message, programs]),
    [
      ["info", "attached", 4],
      ["warn", "odd \x1b[2J", undefined],
      ["error", "bad", undefined],
    ],
  );
  assert.match(String(lines[0]!.time), /^\d{4}-\d\d-\d\dT.*Z$/);
  assert.equal((lines[2]!.err as { message: string }).message, "why");
});

test("for people a line is short, and what comes from elsewhere is neutralised", () => {
  const text = logged({ level: "debug", format: "text" }, (log) => {
    log.debug("looking", { path: "/a b" });
    log.info("attached", { programs: 4, mode: "tracepoint" });
    log.warn("odd \x1b[2J", { error: new Error("x\ny") });
  });
  assert.equal(
    text,
    'keyhole: debug: looking path="/a b"\n' +
      "keyhole: attached programs=4 mode=tracepoint\n" +
      'keyhole: warn: odd \\x1b[2J error="x\\x0ay"\n',
  );
});

test("levels below the configured one are not written; silent writes nothing", () => {
  const all = (log: Logger): void => {
    for (const level of ["debug", "info", "warn", "error"] as const) log[level](level);
  };
  assert.equal(
    logged({ level: "warn", format: "text" }, all),
    "keyhole: warn: warn\nkeyhole: error: error\n",
  );
  assert.equal(logged({ level: "silent", format: "json" }, all), "");
});

test("a stderr that nobody reads loses lines and blocks nobody", () => {
  const fifo = join(dir, "fifo");
  execFileSync("mkfifo", [fifo]);
  const reader = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(fifo, constants.O_WRONLY);
  const log = createLogger({ level: "info", format: "json" }, writer);
  for (let count = 0; count < 2000; count++) log.info("x".repeat(100));
  assert.ok(log.dropped > 0);
  const buffer = Buffer.alloc(1024 * 1024);
  const text = buffer.toString("utf8", 0, readSync(reader, buffer));
  assert.equal(text.split("\n").length - 1 + log.dropped, 2000);
  closeSync(writer);
  closeSync(reader);
});
