import assert from "node:assert/strict";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { BareRoot, progress } from "./bare-root.js";

describe("a bare Debian with Node and nothing else", () => {
  let root: BareRoot;

  before(() => {
    root = new BareRoot();
  });

  after(() => root.remove());

  it("has no libbpf", async () => {
    const [status] = await once(root.spawn("! ls /usr/lib/*/libbpf.so*"), "close");
    assert.equal(status, 0);
  });

  it("starts the agent by `npm ci && npm start`, and Ctrl-C ends it with 0", async () => {
    progress("npm ci && npm start");
    const command = root.spawn("npm ci && exec npm start");
    let errors = "";
    command.stderr.setEncoding("utf8").on("data", (text: string) => {
      errors += text;
    });
    const ended = once(command, "close");
    let started = false;
    for await (const line of createInterface({ input: command.stdout })) {
      if (started || !isStart(line)) continue;
      started = true;
      progress("started; Ctrl-C");
      process.kill(-command.pid!, "SIGINT");
    }
    const [status, signal] = await ended;
    assert.ok(started, `the agent did not start: ${errors}`);
    assert.match(errors, /^keyhole: installing libbpf1 with apt-get$/m);
    assert.deepEqual({ status, signal }, { status: 0, signal: null }, errors);
  });
});

/** npm writes lines of its own to stdout before the agent does. */
function isStart(line: string): boolean {
  if (!line.startsWith("{")) return false;
  const { type, state } = JSON.parse(line) as { type?: string; state?: string };
  return type === "agent" && state === "started";
}
