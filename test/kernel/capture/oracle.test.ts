import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../oracle/main.ts", import.meta.url));

function oracle(...args: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", MAIN, ...args], {
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}

describe("npm run oracle", () => {
  it("passes a command whose calls both saw, and says how many", () => {
    const { status, stdout, stderr } = oracle("unshare", "--uts", "sh", "-c", "echo inside");
    assert.equal(status, 0, stderr);
    assert.match(
      stdout,
      /^inside\noracle: matched 1, missed 0, extra 0, different 0; .*unshare 1; exit status 0$/m,
    );
  });

  it("fails and names each call that the agent did not tell", () => {
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const { status, stdout } = oracle("--run", "--filter-uid 0", ...nobody, "unshare", "--uts", "true");
    assert.equal(status, 1);
    assert.match(stdout, /^missed: +\d+ unshare\(CLONE_NEWUTS\) = -1 EPERM/m);
  });

  it("tells a command that cannot be executed from one that fails", () => {
    assert.equal(oracle("/nonexistent").status, 3);
    assert.equal(oracle("sh", "-c", "exit 5").status, 0);
  });

  it("refuses a command line that makes no sense", () => {
    assert.equal(oracle().status, 2);
    assert.equal(oracle("--calls", "many", "--random").status, 2);
    assert.equal(oracle("--suite", "no-such-tool").status, 2);
  });

  it("explains itself", () => {
    const { status, stdout } = oracle("--help");
    assert.equal(status, 0);
    assert.match(stdout, /Examples:\n {2}npm run oracle -- /);
  });
});
