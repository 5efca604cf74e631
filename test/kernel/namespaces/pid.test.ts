import assert from "node:assert/strict";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { pid } from "../../../src/commands/pid.js";
import type { ProcessAnswer } from "../../../src/commands/pid-answers.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { byStartTime, holdTask } from "../../../src/kernel/pidfd.js";
import { readStatus } from "../../../src/kernel/status.js";
import { findIdMaps } from "../../../src/namespaces/id-maps.js";
import { pidLevels, userLevels } from "../../../src/namespaces/levels.js";
import { pidOutsideByStatus } from "../../../src/namespaces/translate.js";
import { type Descent, descend } from "./descent.js";
import { stop } from "./nested.js";

const DEPTH = 5;
const host = new HostPath();
let descent: Descent;
let innermost: number;
before(async () => {
  descent = await descend(DEPTH);
  innermost = descent.inits.at(-1)!;
});
after(() => descent?.stop());

interface Asked {
  readonly status: number;
  readonly out: string;
  readonly errors: string;
}

async function ask(
  questions: readonly string[],
  more: Partial<Parameters<typeof pid>[0]> = {},
): Promise<Asked> {
  let out = "";
  let errors = "";
  const status = await pid({
    questions,
    write: (text) => (out += text),
    writeError: (text) => (errors += text),
    ...more,
  });
  return { status, out, errors };
}

async function askOne(question: string): Promise<ProcessAnswer> {
  const { status, out } = await ask([question], { output: "json" });
  assert.equal(status, 0, out);
  return JSON.parse(out).processes[0];
}

const inumOf = (process: number, type: "pid" | "user"): number =>
  Number(/\d+/.exec(readlinkSync(`/proc/${process}/ns/${type}`))![0]);

/** NS_GET_PID_IN_PIDNS (0x8004b708) and NS_GET_PID_FROM_PIDNS (0x8004b706), by another program than ours. */
function pythonIoctl(request: number, namespaceOf: number, process: number): number {
  const script = `import fcntl,os; print(fcntl.ioctl(os.open("/proc/${namespaceOf}/ns/pid",os.O_RDONLY),${request},${process}))`;
  return Number(execFileSync("python3", ["-c", script], { encoding: "utf8" }));
}

test("five levels down it says what NSpid and the ioctl say", async () => {
  const { pid_namespaces: levels, ...process } = await askOne(String(innermost));
  assert.equal(levels.length, DEPTH + 1);
  const nsPid = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${innermost}/status`, "utf8"))![1]!;
  assert.deepEqual(levels.map((level) => level.pid).reverse(), nsPid.split(/\s+/).map(Number));
  assert.equal(
    new Set(levels.map((level) => level.pid)).size,
    DEPTH + 1,
    "each level has a number of its own",
  );
  for (const [index, init] of [...descent.inits].reverse().entries()) {
    const level = levels[index]!;
    assert.equal(level.ns, inumOf(init, "pid"));
    assert.equal(level.level, DEPTH - index);
    assert.equal(level.init, init);
    assert.equal(level.host, false);
    assert.equal(level.pid, pythonIoctl(0x8004b708, init, innermost));
  }
  assert.deepEqual([levels.at(-1)!.level, levels.at(-1)!.host, levels.at(-1)!.pid], [0, true, innermost]);
  assert.deepEqual([process.pid, process.tid], [innermost, innermost]);
});

test("comes back from each level, whatever the namespace is called", async () => {
  const { pid_namespaces: levels } = await askOne(String(innermost));
  for (const { ns, id, pid: inside, init } of levels) {
    const names = [String(ns), `pid:[${ns}]`, `@${init}`, ...(id === null ? [] : [id])];
    for (const name of names) {
      // init of the host may not be looked at on every system
      if (name === "@1") continue;
      assert.equal((await askOne(`${inside}@${name}`)).pid, innermost, `${inside}@${name}`);
    }
  }
});

test("shows uid and gid as each user namespace does", async () => {
  const { user_namespaces: levels } = await askOne(String(innermost));
  assert.equal(levels.length, DEPTH + 1);
  assert.deepEqual([levels[0]!.uid, levels[0]!.gid], [descent.inside.uid, descent.inside.gid]);
  for (const [index, init] of [...descent.inits].reverse().entries()) {
    const level = levels[index]!;
    assert.equal(level.ns, inumOf(init, "user"));
    assert.equal(level.level, DEPTH - index);
    // The kernel itself shows ids of status in the user namespace of the reader.
    const enter = [
      "--user",
      "--preserve-credentials",
      "--target",
      String(init),
      "cat",
      `/proc/${innermost}/status`,
    ];
    const status = execFileSync("nsenter", enter, { encoding: "utf8" });
    assert.equal(level.uid, Number(/^Uid:\s+\d+\s+(\d+)/m.exec(status)![1]));
    assert.equal(level.gid, Number(/^Gid:\s+\d+\s+(\d+)/m.exec(status)![1]));
  }
  const { uid, gid } = readStatus(host, innermost)!;
  // and back, from what each of them shows
  for (const level of levels) {
    const maps = findIdMaps(host, level.ns!, innermost)!;
    assert.equal(maps.uid.toOutside(level.uid!), uid.effective);
    assert.equal(maps.gid.toOutside(level.gid!), gid.effective);
  }
  assert.deepEqual([levels.at(-1)!.uid, levels.at(-1)!.gid], [uid.effective, gid.effective]);
});

test("shows the uid that `id -u` prints in a user namespace without a map", async () => {
  const child = spawn("unshare", ["--user", "sh", "-c", "id -u; exec sleep 1000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    assert.equal(line.toString(), "65534\n");
    const { user_namespaces: levels } = await askOne(String(child.pid));
    assert.deepEqual(
      levels.map(({ uid, gid }) => [uid, gid]),
      [
        [null, null],
        [0, 0],
      ],
    );
  } finally {
    await stop(child);
  }
});

test("knows a thread by its tid, inside and outside", async () => {
  const script =
    "import threading, time\nt = threading.Thread(target=lambda: time.sleep(1000)); t.start(); print(t.native_id, flush=True)";
  const child = spawn("unshare", ["--pid", "--fork", "--kill-child", "python3", "-c", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const inside = Number(line.toString());
    const [process] = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ");
    const thread = Number(readdirSync(`/proc/${process}/task`).find((tid) => tid !== process));
    const found = await askOne(`${inside}@@${process}`);
    assert.deepEqual([found.tid, found.pid], [thread, Number(process)]);
    assert.deepEqual(
      (await askOne(String(thread))).pid_namespaces.map((level) => level.pid),
      [inside, thread],
    );
    assert.match(
      (await ask([String(thread)])).out,
      new RegExp(`^thread ${thread} of process ${process} python3`),
    );
  } finally {
    await stop(child);
  }
});

test("says the same without pidfds, and finds threads without the ioctls", async () => {
  const levels = [holdTask(host, innermost)!, byStartTime(host, innermost)!].map((handle) => {
    const found = [pidLevels(host, innermost, handle), userLevels(host, innermost, handle)];
    handle.close();
    return found;
  });
  assert.deepEqual(levels[0], levels[1]);
  assert.equal(levels[0]![0]?.length, DEPTH + 1);
  const fd = openSync("/proc/self/ns/pid", "r");
  try {
    const threads = readdirSync("/proc/self/task").map(Number);
    assert.ok(threads.length > 1);
    for (const tid of threads) {
      const found = pidOutsideByStatus(host, fd, tid);
      assert.deepEqual(found, { ok: true, pid: tid, via: "NSpid" });
    }
  } finally {
    closeSync(fd);
  }
});

test("says only the number when that is wanted", async () => {
  const { status, out } = await ask([String(innermost), `1@@${innermost}`], { quiet: true });
  assert.deepEqual([status, out], [0, `1\n${innermost}\n`]);
});

test("answers what it can, and says of the rest what is missing", async () => {
  const { status, out, errors } = await ask([
    `4000@@${innermost}`,
    String(innermost),
    "4194304",
    "1@no-such-pod",
    "1@@4194304",
    "1@mnt:[4026531841]",
  ]);
  assert.equal(status, 1);
  assert.match(out, new RegExp(`^process ${innermost} `));
  assert.deepEqual(
    [...errors.matchAll(/^keyhole: (.*) \[(\w+)\]$/gm)].map(([, message, code]) => [message, code]),
    [
      [`there is no process "4000@@${innermost}"`, "KEYHOLE_PID_PROCESS"],
      [`there is no process "4194304"`, "KEYHOLE_PID_PROCESS"],
      [`no pid namespace, container or pod is called "no-such-pod"`, "KEYHOLE_PID_NAMESPACE"],
      [`there is no process "1@@4194304"`, "KEYHOLE_PID_PROCESS"],
      [`no pid namespace, container or pod is called "mnt:[4026531841]"`, "KEYHOLE_PID_NAMESPACE"],
    ],
  );
  const json = JSON.parse((await ask(["4194304"], { output: "json" })).out);
  assert.equal(json.processes[0].error.code, "KEYHOLE_PID_PROCESS");
});

test("refuses what is no pid before it answers anything", async () => {
  for (const wrong of ["0", "x", "-1", "4194305", "1@", "@1", "1.5", ""]) {
    await assert.rejects(ask([String(innermost), wrong]), { code: "KEYHOLE_PID_ARGUMENT" }, wrong);
  }
});

test("a handle tells that its process has ended, and a zombie from one that is gone", async () => {
  const script = `
import subprocess, sys
child = subprocess.Popen(["sleep", "1000"])
for action in (lambda: None, child.kill, child.wait):
    action()
    print(child.pid, flush=True)
    sys.stdin.readline()
`;
  const child = spawn("python3", ["-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const sleeper = Number(line.toString());
    const handles = [holdTask(host, sleeper)!, byStartTime(host, sleeper)!];
    assert.deepEqual(
      handles.map(({ via }) => via),
      ["pidfd", "start time"],
    );
    assert.ok(handles.every((handle) => handle.exists()));
    child.stdin.write("\n");
    await once(child.stdout, "data");
    while (readStatus(host, sleeper)?.state !== "Z") {
      assert.ok(handles[0]!.exists());
      await new Promise(setImmediate);
    }
    assert.ok(
      handles.every((handle) => handle.exists()),
      "a zombie keeps its number",
    );
    assert.equal((await askOne(String(sleeper))).comm, "sleep");
    child.stdin.write("\n");
    await once(child.stdout, "data");
    assert.deepEqual(
      handles.map((handle) => handle.exists()),
      [false, false],
    );
    for (const handle of handles) handle.close();
  } finally {
    await stop(child);
  }
});

test("asks again where another process got the number meanwhile", () => {
  const fixture = fileURLToPath(new URL("./recycle.ts", import.meta.url));
  const init = `"${process.execPath}" --import tsx "${fixture}"; exit $?`;
  const command = ["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", init];
  const { status, stdout, stderr } = spawnSync("unshare", command, { encoding: "utf8" });
  assert.equal(status, 0, stderr);
  const { recycled, comm, exe } = JSON.parse(stdout);
  assert.deepEqual([recycled, comm], [true, "tail"]);
  assert.match(exe, /\/(?:tail|coreutils|busybox)$/);
});
