import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { formatLine } from "../../../src/publish/terminal.js";
import { buildProgram } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";

const MAIN = join(fileURLToPath(new URL("../../..", import.meta.url)), "dist/keyhole.js");
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

describe("hostile input", () => {
  let agent: Agent;
  before(async () => {
    agent = await Agent.start(["--inventory-interval", "1s"]);
  });
  after(async () => {
    assert.equal(await agent.stop(), 0);
  });

  it("shows no escape sequence of a traced process on a terminal", async () => {
    const script =
      "import ctypes;l=ctypes.CDLL(None);l.prctl(15,b'\\x1b]0;x\\x07\\x9b31m\\xff');" +
      "l.umount2('/\\u202e\\x1b[2J\\n'.encode()+b'\\xff',0)";
    const { pid } = spawnSync("python3", ["-c", script]);
    const calls = () => agent.syscalls((event) => event.syscall === "umount2" && event.process.pid === pid);
    await agent.until("the call", () => calls().length > 0);
    const [event] = calls();
    assert.equal(event!.args.target, "/\u202e\u001b[2J\n\ufffd");
    assert.deepEqual(
      Buffer.from(event!.raw!["args.target"]!, "base64"),
      Buffer.concat([Buffer.from("/\u202e\u001b[2J\n"), Buffer.from([0xff])]),
    );
    assert.doesNotMatch(formatLine(event!, { color: false }), CONTROL);
  });

  it("does not hang on a FUSE over /proc that never answers", async () => {
    const silent = buildProgram("silent-fuse.c");
    const shell = `mount -t proc proc /proc && exec ${silent} /proc`;
    const container = spawn("unshare", ["--pid", "--mount", "--fork", "--kill-child", "sh", "-c", shell], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      const [line] = (await once(container.stdout!, "data")) as [Buffer];
      assert.match(line.toString(), /mounted/);
      const mount = () =>
        agent.syscalls((event) => event.args.filesystemtype === "fuse" && event.args.target === "/proc");
      await agent.until("the mount", () => mount().length > 0);
      assert.equal(mount()[0]!.ret, 0);
      // an inventory and a look at the container later it still answers
      const inventories = spawnSync("unshare", ["--uts", "true"]).pid;
      await agent.until(
        "a later call",
        () => agent.syscalls((event) => event.process.pid === inventories).length > 0,
      );
      for (const command of [["scan", "--output", "json"], ["tree"], ["doctor"]]) {
        const { error, signal, stderr } = spawnSync(process.execPath, [MAIN, ...command], {
          timeout: 30_000,
        });
        assert.equal(error, undefined, `${command[0]} hangs: ${stderr}`);
        assert.equal(signal, null);
      }
    } finally {
      container.kill("SIGKILL");
      await once(container, "close");
    }
  });
});
