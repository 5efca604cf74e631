import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pid } from "../../../src/commands/pid.js";
import { type TreeOptions, type TreeRow, tree } from "../../../src/commands/tree.js";
import { parseDot, parseMermaid } from "../../namespaces/drawings.js";
import { Cgroup } from "../limits/cgroup.js";
import { requireRoot, stop } from "./nested.js";

const MAIN = fileURLToPath(new URL("../../../src/main.ts", import.meta.url));

/** Two containers by their cgroups, with ids that begin in the same way. */
const PREFIX = randomBytes(8).toString("hex");
const IDS = ["a", "b"].map((next) => `${PREFIX}${next}`.padEnd(64, "0"));
const cgroups: Cgroup[] = [];
const containers: ChildProcess[] = [];
before(async () => {
  requireRoot();
  for (const id of IDS) {
    const cgroup = new Cgroup(`docker-${id}.scope`);
    cgroups.push(cgroup);
    const command = [
      "unshare",
      "--pid",
      "--fork",
      "--kill-child",
      "--uts",
      "sh",
      "-c",
      "echo; sleep 1000; :",
    ];
    const [file, ...args] = cgroup.command(command);
    const child = spawn(file, args, { stdio: ["ignore", "pipe", "inherit"] });
    containers.push(child);
    await once(child.stdout!, "data");
  }
});
after(async () => {
  for (const child of containers) await stop(child);
  for (const cgroup of cgroups) await cgroup.remove();
});

async function print(options: TreeOptions): Promise<string> {
  let text = "";
  assert.equal(await tree({ ...options, write: (part) => (text += part) }), 0);
  return text;
}

/** Lists of the kernel that others keep changing meanwhile are incomplete, and say so. */
async function rowsOf(options: TreeOptions): Promise<TreeRow[]> {
  let look = { incomplete: [] as string[], namespaces: [] as TreeRow[] };
  for (let attempt = 0; attempt < 20; attempt++) {
    look = JSON.parse(await print({ ...options, output: "json", writeError: () => {} }));
    if (look.incomplete.length === 0) return look.namespaces;
  }
  assert.fail(look.incomplete.join(", "));
}

/** The only child of the process. */
const childOf = (process: number): number =>
  Number(execFileSync("ps", ["-o", "pid=", "--ppid", String(process)], { encoding: "utf8" }));

const inumOf = (process: number | "self", link: string): number =>
  Number(/\d+/.exec(readlinkSync(`/proc/${process}/ns/${link}`))![0]);

test("a container is chosen by the beginning of its id, with what is above its namespaces", async () => {
  const init = childOf(containers[0]!.pid!);
  const rows = await rowsOf({ container: `${PREFIX}a`, type: ["pid", "uts", "user"] });
  const own = rows.filter(({ container }) => container !== null);
  assert.deepEqual(own.map(({ type, ns, container }) => [type, ns, container]).sort(), [
    ["pid", inumOf(init, "pid"), IDS[0]],
    ["uts", inumOf(init, "uts"), IDS[0]],
  ]);
  const above = rows.filter(({ container }) => container === null).map(({ ns }) => ns);
  assert.deepEqual(
    above.sort(),
    // that of unshare itself, which waits outside of the new pid namespace, is above it as well
    [inumOf("self", "pid"), inumOf("self", "user")].sort(),
  );
  assert.match(
    await print({ container: IDS[0]!, columns: "NS,CONTAINER" }),
    new RegExp(` ${PREFIX.slice(0, 12)}\n`),
  );
});

test("what could be several containers is refused with their names, in tree and in pid", async () => {
  await assert.rejects(print({ container: PREFIX }), {
    code: "KEYHOLE_TREE_TARGET",
    message: `"${PREFIX}" can mean 2 containers`,
  });
  await assert.rejects(print({ container: "no-such-container" }), { code: "KEYHOLE_TREE_TARGET" });
  let errors = "";
  let out = "";
  const questions = [`1@${PREFIX}`, `1@${PREFIX}a`, `1@${IDS[1]}`];
  const options = {
    quiet: true,
    write: (text: string) => (out += text),
    writeError: (text: string) => (errors += text),
  };
  assert.equal(await pid({ questions, ...options }), 1);
  assert.match(errors, /^keyhole: .* can mean 2 containers \[KEYHOLE_PID_AMBIGUOUS\]\n/);
  for (const id of IDS) assert.ok(errors.includes(`"${id}"`), errors);
  assert.deepEqual(
    out.trim().split("\n").map(Number),
    containers.map((child) => childOf(child.pid!)),
  );
});

test("shows what only a mount holds, and where", async () => {
  const folder = mkdtempSync(join(tmpdir(), "keyhole-tree-"));
  const file = join(folder, "net");
  writeFileSync(file, "");
  execFileSync("unshare", [`--net=${file}`, "true"]);
  try {
    const [row, ...more] = (await rowsOf({ type: ["net"], filter: `nsfs == "${file}"` })) as [TreeRow];
    assert.equal(more.length, 0);
    const { nprocs, pid: first, binds, nsfs, path, command, fds } = row;
    assert.deepEqual(
      { nprocs, first, binds, nsfs, path, command, fds },
      { nprocs: 0, first: null, binds: 1, nsfs: file, path: file, command: null, fds: 0 },
    );
  } finally {
    execFileSync("umount", [file]);
    rmSync(folder, { recursive: true });
  }
});

test("draws the same namespaces below the same as the list names", async () => {
  const selection: TreeOptions = { container: IDS[0]!, type: ["pid", "uts", "user"] };
  const rows = await rowsOf(selection);
  assert.ok(rows.length >= 4);
  for (const [output, parse] of [
    ["dot", parseDot],
    ["mermaid", parseMermaid],
  ] as const) {
    const { nodes, edges } = parse(await print({ ...selection, output }));
    assert.deepEqual([...nodes.keys()].sort(), rows.map(({ type, ns }) => `${type}_${ns}`).sort());
    const below = rows.filter(({ type }) => type !== "user");
    assert.deepEqual(
      [...edges].sort(),
      below.map(({ type, ns, ons }) => [`user_${ons}`, `${type}_${ns}`]).sort(),
    );
  }
});

test("says what it cannot see: another pid namespace, other users' processes", () => {
  const run = (...command: readonly string[]): string => {
    const [file, ...args] = [...command, process.execPath, "--import", "tsx", MAIN, "tree", "-o", "json"];
    const { status, stdout, stderr } = spawnSync(file!, args, { encoding: "utf8" });
    assert.equal(status, 0, stderr);
    assert.deepEqual(
      stderr,
      JSON.parse(stdout)
        .incomplete.map((what: string) => `keyhole: ${what}\n`)
        .join(""),
    );
    return stderr;
  };
  assert.match(
    run("unshare", "--pid", "--fork", "--mount-proc"),
    /^keyhole: this is not the initial pid namespace/m,
  );
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  assert.match(run(...nobody), /^keyhole: the namespaces of \d+ processes may not be read$/m);
});

interface Told {
  readonly change: string;
  readonly time: string;
  readonly namespace: Partial<TreeRow>;
}

test("a watch on a pipe tells what comes and goes, and ends with 0 on SIGINT", async () => {
  const columns = "NS,TYPE,PID,ID,FIRST-SEEN";
  const command = [
    "--import",
    "tsx",
    MAIN,
    "tree",
    "--watch=0.2",
    "--type",
    "uts",
    "-o",
    "json",
    "--columns",
    columns,
  ];
  const watch = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  const lines = createInterface({ input: watch.stdout })[Symbol.asyncIterator]();
  const made: ChildProcess[] = [];
  // What is made before the first look is there from the beginning, and others make namespaces too.
  const making = setInterval(() => {
    const options = { stdio: "ignore" } as const;
    made.push(spawn("unshare", ["--uts", "sleep", "1000"], options));
    // nobody tells of them
    if (made.length > 60) watch.kill("SIGKILL");
  }, 500);
  /** The next that is told of a namespace that `isMeant`. */
  const next = async (isMeant: (told: Told) => boolean): Promise<Told> => {
    for (;;) {
      const { value, done } = await lines.next();
      assert.ok(done !== true, "the watch has ended");
      const told: Told = JSON.parse(value);
      if (isMeant(told)) return told;
    }
  };
  try {
    const appeared = await next(({ namespace }) => made.some((one) => one.pid === namespace.pid));
    clearInterval(making);
    assert.equal(appeared.change, "appeared");
    assert.deepEqual(Object.keys(appeared.namespace), ["ns", "type", "pid", "id", "first_seen"]);
    assert.equal(appeared.namespace.ns, inumOf(appeared.namespace.pid!, "uts"));
    assert.equal(appeared.namespace.first_seen, appeared.time);

    await stop(made.find((one) => one.pid === appeared.namespace.pid)!);
    const { ns } = appeared.namespace;
    assert.equal((await next(({ namespace }) => namespace.ns === ns)).change, "vanished");
    watch.kill("SIGINT");
    assert.deepEqual(await once(watch, "exit"), [0, null]);
  } finally {
    clearInterval(making);
    watch.kill("SIGKILL");
    for (const one of made) await stop(one);
  }
});

test("a watch tells what changed, from what to what, and by the columns that are shown alone", async () => {
  const init = childOf(containers[1]!.pid!);
  const controller = new AbortController();
  let text = "";
  const options: TreeOptions = { container: IDS[1]!, type: ["uts"], columns: "NS,NPROCS" };
  const ended = tree({
    ...options,
    watch: 0.1,
    signal: controller.signal,
    write: (part) => {
      text += part;
    },
  });
  const uts = inumOf(init, "uts");
  const wanted = ["3->4", "4->3"].map(
    (change) => new RegExp(`^\\S+Z changed uts:\\[${uts}\\] NPROCS=${change}$`, "m"),
  );
  try {
    // The first of them may be there already at the first look.
    for (let attempt = 0; attempt < 30 && !wanted.every((line) => line.test(text)); attempt++) {
      const entered = spawn("nsenter", ["--uts", "--target", String(init), "sleep", "1000"], {
        stdio: "ignore",
      });
      await setTimeout(500);
      await stop(entered);
      await setTimeout(500);
    }
  } finally {
    controller.abort();
  }
  assert.equal(await ended, 0);
  for (const line of wanted) assert.match(text, line);
  for (const line of text.trimEnd().split("\n"))
    assert.match(line, /^\S+Z changed uts:\[\d+\] NPROCS=\d->\d$/);
});

test("a watch on a terminal marks what is new, and gives the cursor back", async () => {
  // A shell that stays between would tell its own end by ^C.
  const command = `exec ${process.execPath} --import tsx ${MAIN} tree --watch=0.2 --type uts --color always`;
  const terminal = spawn("script", ["-qfec", command, "/dev/null"], { stdio: ["pipe", "pipe", "inherit"] });
  const made: ChildProcess[] = [];
  let text = "";
  terminal.stdout.on("data", (part: Buffer) => {
    text += part;
  });
  const marked = (): boolean =>
    made.some(({ pid: one }) => new RegExp(`\\x1b\\[32m\\+ .* uts +1 +${one} `).test(text));
  try {
    for (let attempt = 0; attempt < 30 && !marked(); attempt++) {
      made.push(spawn("unshare", ["--uts", "sleep", "1000"], { stdio: "ignore" }));
      await setTimeout(700);
    }
    assert.ok(marked(), text);
    // What the terminal makes of ^C is SIGINT.
    terminal.stdin.write("\x03");
    assert.deepEqual(await once(terminal, "close"), [0, null]);
    assert.ok(text.startsWith("\x1b[?25l"), JSON.stringify(text.slice(0, 80)));
    assert.match(text, /\x1b\[\?25h\r?\n$/);
  } finally {
    terminal.kill("SIGKILL");
    for (const one of made) await stop(one);
  }
});
