import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import WebSocket from "ws";
import type { KeyholeEvent } from "../../../src/event.js";
import { buildProgram } from "../../programs/build.js";
import { Tally } from "./tally.js";

const MAIN = fileURLToPath(new URL("../../../dist/keyhole.js", import.meta.url));
/** More than the queue of stdout has room for (48 MiB), at a rate at which nothing else is lost. */
const CALLS = 80_000;
const RATE = 20_000;
/** Milliseconds between two looks at the metrics, and until they are given up; nothing is measured with them. */
const PAUSE = 50;
const PATIENCE = 90_000;

const flood = buildProgram("flood.c");

/** The sum of a metric over its labels, of those with `label` where one is given. */
async function metric(address: string, name: string, label = ""): Promise<number> {
  const response = await fetch(`http://${address}/metrics`);
  const lines = (await response.text()).split("\n").filter((line) => line.startsWith(name));
  return lines
    .filter((line) => line.includes(label))
    .reduce((total, line) => total + Number(line.split(" ").at(-1)), 0);
}

async function until(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = AbortSignal.timeout(PATIENCE);
  while (!(await condition())) {
    assert.ok(!deadline.aborted, `no sign of ${what}`);
    await setTimeout(PAUSE);
  }
}

/** The address that the agent listens on, which its first line has. What was read is put back. */
async function addressOf({ stdout }: ChildProcess): Promise<string> {
  let text = "";
  while (!text.includes("\n")) {
    await once(stdout!, "readable");
    text += stdout!.read()?.toString() ?? "";
  }
  const [line] = text.split("\n");
  stdout!.unshift(Buffer.from(text));
  return String((JSON.parse(line!) as { listen: unknown }).listen);
}

describe("a reader of stdout that stops reading", () => {
  it("stalls nothing, and what it misses is counted", async () => {
    const args = [MAIN, "run", "--output", "json", "--listen", "127.0.0.1:0", "--limits-rate", "0"];
    const agent = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(agent, "exit");
    try {
      const address = await addressOf(agent);
      const socket = new WebSocket(`ws://${address}/v1/events`);
      const heard = { of: 0, last: 0 };
      const { pid } = process;
      socket.on("message", (message: Buffer) => {
        const event = JSON.parse(message.toString()) as KeyholeEvent;
        if (event.type !== "syscall" || event.process.ppid !== pid) return;
        heard.of++;
        heard.last = event.process.pid;
      });
      await once(socket, "open");

      const [status] = (await once(spawn(flood, [String(CALLS), String(RATE)]), "exit")) as [number];
      assert.equal(status, 0);
      await until(
        "the loss",
        async () => (await metric(address, "keyhole_lost_events_total", "stdout-queue")) > 0,
      );
      const later = spawnSync(flood, ["1"]);
      await until("a later call on the WebSocket", () => heard.last === later.pid);
      assert.ok(heard.of > 1);
      await until(
        "every call in the metrics",
        async () => (await metric(address, "keyhole_events_total", 'syscall="setns"')) > CALLS,
      );
      socket.close();
    } finally {
      agent.kill("SIGINT");
    }
    // it reads again
    const events: KeyholeEvent[] = [];
    let text = "";
    for await (const chunk of agent.stdout!.setEncoding("utf8")) text += chunk;
    for (const line of text.trimEnd().split("\n")) events.push(JSON.parse(line) as KeyholeEvent);
    assert.equal((await exited)[0], 0);
    const lines = events.filter((event) => event.type !== "lost" || event.reason !== "stdout-queue");
    const last = events.at(-1)!.seq;
    const missed = new Tally().take(events).lost["stdout-queue"] ?? 0;
    assert.ok(missed > 0);
    assert.equal(lines.length + missed, last);
  });
});
