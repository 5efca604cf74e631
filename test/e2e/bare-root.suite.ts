/** Run by `npm run test:bare`, not with the other tests: it runs all of them, itself left out. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { BareRoot, progress } from "./bare-root.js";

describe("a bare Debian with Node and nothing else", () => {
  let root: BareRoot;

  before(() => {
    root = new BareRoot();
  });

  after(() => root.remove());

  it("passes `npm ci && npm test`", async () => {
    progress("npm ci && npm test");
    const command = root.spawn("npm ci && npm test");
    command.stdout.pipe(process.stderr);
    command.stderr.pipe(process.stderr);
    const [status, signal] = await once(command, "close");
    assert.deepEqual({ status, signal }, { status: 0, signal: null });
  });
});
