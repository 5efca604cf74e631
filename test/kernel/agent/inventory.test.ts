import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { StoryEvent } from "../../../src/event.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { LINK_INDEX } from "../../../src/kernel/links.js";
import { readMountinfo } from "../../../src/kernel/mountinfo.js";
import { readNamespaces } from "../../../src/kernel/proc-tasks.js";
import { Agent } from "../capture/agent.js";
import { requireRoot, stop } from "../namespaces/nested.js";

const HOST = new HostPath();
/** Milliseconds until something is given up, and between two looks; nothing is measured with them. */
const PATIENCE = 90_000;
const PAUSE = 50;

interface Mounts {
  readonly complete: boolean;
  readonly mounts: readonly { readonly id: number; readonly point: string; readonly fsType: string }[];
}
interface Instance {
  readonly dev: string;
  readonly pid_ns: number;
  readonly hidepid: string;
  readonly story: string | null;
  readonly places: readonly { readonly path: string; readonly mnt_ns: number }[];
}
interface Namespace {
  readonly type: string;
  readonly inum: number;
  readonly members: number;
  readonly birth: { readonly call: string; readonly pid: number } | null;
  readonly death: object | null;
}

describe("what a running agent knows of the node", () => {
  let agent: Agent;
  let address: string;
  let sandbox: ChildProcess;
  let mnt: number;
  let pidNs: number;
  let pid: number;

  before(async () => {
    requireRoot();
    agent = await Agent.start(["--listen", "127.0.0.1:0", "--inventory-interval", "1s"]);
    address = (agent.events[0] as { readonly listen?: string }).listen!;
    const options = ["--mount", "--pid", "--fork", "--kill-child", "bash"];
    sandbox = spawn("unshare", options, { stdio: ["pipe", "pipe", "inherit"] });
    await tell("echo ready");
    pid = Number(execFileSync("ps", ["-o", "pid=", "--ppid", String(sandbox.pid)], { encoding: "utf8" }));
    const inums = readNamespaces(HOST, pid);
    [mnt, pidNs] = [inums[LINK_INDEX.mnt]!, inums[LINK_INDEX.pid]!];
  });
  after(async () => {
    if (sandbox !== undefined) await stop(sandbox);
    assert.equal(await agent?.stop(), 0);
  });

  /** Has the shell run a line, which prints something when it is done. */
  async function tell(line: string): Promise<void> {
    sandbox.stdin!.write(`${line}\n`);
    await once(sandbox.stdout!, "data");
  }

  async function get<T>(path: string): Promise<T | null> {
    const response = await fetch(`http://${address}${path}`);
    return response.status === 200 ? ((await response.json()) as T) : null;
  }

  /** What `path` gives as soon as `condition` holds for it. */
  async function when<T>(what: string, path: string, condition: (found: T) => boolean): Promise<T> {
    const deadline = AbortSignal.timeout(PATIENCE);
    for (;;) {
      const found = await get<T>(path);
      if (found !== null && condition(found)) return found;
      assert.ok(!deadline.aborted, `no sign of ${what}: ${JSON.stringify(found)?.slice(0, 2000)}`);
      await setTimeout(PAUSE);
    }
  }

  it("has the mount table of a new namespace, and follows it", async () => {
    const path = `/v1/mounts?ns=${mnt}`;
    await tell("mount -t tmpfs kept /mnt && echo done");
    const { mounts } = await when<Mounts>("the new mount", path, (table) =>
      table.mounts.some(({ point, fsType }) => point === "/mnt" && fsType === "tmpfs"),
    );
    const truth = readMountinfo(HOST, pid)!;
    assert.deepEqual(
      mounts.map(({ id, point }) => [id, point]).sort(),
      truth.map(({ id, point }) => [id, point]).sort(),
    );
    await tell("umount /mnt && echo done");
    const after = await when<Mounts>("its end", path, ({ mounts }) =>
      mounts.every(({ point }) => point !== "/mnt"),
    );
    assert.equal(after.complete, true);
    assert.equal(await get("/v1/mounts?ns=1"), null);
  });

  it("has a procfs instance with the story that made it, and its options as they are", async () => {
    await tell("mount -t proc -o hidepid=2 mine /mnt && echo done");
    const isMine = ({ pid_ns, places }: Instance) =>
      pid_ns === pidNs && places.some(({ mnt_ns }) => mnt_ns === mnt);
    const one = (found: { instances: Instance[] }) => found.instances.find(isMine);
    const made = await when<{ instances: Instance[] }>(
      "the instance",
      "/v1/procfs",
      (found) => one(found) !== undefined,
    );
    const { hidepid, story, places, dev } = one(made)!;
    assert.equal(hidepid, "invisible");
    assert.deepEqual(
      places.map(({ path }) => path),
      ["/mnt"],
    );
    const told = () => agent.events.find((event) => event.type === "story" && event.procfs?.dev === dev);
    await agent.until("the story", () => told() !== undefined);
    assert.equal(story, (told() as StoryEvent).id);
    await tell("mount -o remount,hidepid=0 /mnt && echo done");
    await when<{ instances: Instance[] }>(
      "the change",
      "/v1/procfs",
      (found) => one(found)?.hidepid === "off",
    );
    await tell("umount /mnt && echo done");
    await when<{ instances: Instance[] }>("the end", "/v1/procfs", (found) => one(found) === undefined);
  });

  it("knows which call made a namespace, and when it has ended", async () => {
    const own = ({ type, inum }: Namespace) =>
      (type === "mnt" && inum === mnt) || (type === "pid" && inum === pidNs);
    const { namespaces } = (await get<{ namespaces: Namespace[] }>("/v1/namespaces"))!;
    const found = namespaces.filter(own);
    assert.equal(found.length, 2);
    for (const { birth, members, death } of found) {
      assert.deepEqual([birth?.call, birth?.pid, death], ["unshare", sandbox.pid, null]);
      assert.ok(members > 0);
    }
    await stop(sandbox);
    await when<{ namespaces: Namespace[] }>("their end", "/v1/namespaces?ended=true", (now) => {
      const ended = now.namespaces.filter(own);
      return ended.length === 2 && ended.every(({ death }) => death !== null);
    });
    const left = (await get<{ namespaces: Namespace[] }>("/v1/namespaces"))!;
    assert.deepEqual(left.namespaces.filter(own), []);
  });
});
