import assert from "node:assert/strict";
import { mkdirSync, openSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { OpenedFile, SyscallEvent } from "../../../src/event.js";
import { temporaryFolder } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";
import { CONTAINER, open, untilWatching } from "./container.js";

const PATTERN = "/proc/sys/kernel/core_pattern";
/** The caller's pid namespace, and with it what its procfs shows, is not the host's. */
const OWN_PROC = ["unshare", "--mount", "--pid", "--fork", "--mount-proc"];

function fileOf({ file }: SyscallEvent): OpenedFile {
  assert.ok(file);
  return file;
}

describe("what a container opens", () => {
  let agent: Agent;
  const folder = temporaryFolder();
  const at = (name: string) => join(folder, name);

  before(async () => {
    writeFileSync(at("bind"), "");
    mkdirSync(at("proc"));
    symlinkSync(PATTERN, at("link"));
    agent = await Agent.start(["--attach", "tracepoint"]);
    await untilWatching(agent);
  });
  after(async () => {
    assert.equal(await agent.stop(), 0);
  });

  const ways: readonly (readonly [string, readonly string[], string])[] = [
    ["its path", ["open", PATTERN, "w"], "open"],
    ["openat(2) of a directory", ["openat", "/proc/sys/kernel", "core_pattern", "w"], "openat"],
    ["openat2(2)", ["openat2", PATTERN, "w"], "openat2"],
    ["creat(2)", ["creat", PATTERN], "creat"],
    ["a symbolic link", ["open", at("link"), "w"], "open"],
    ["a descriptor of O_PATH, opened again", ["reopen", PATTERN, "w"], "openat"],
    ["the root of a process of the host", ["open", `/proc/${process.pid}/root${PATTERN}`, "w"], "open"],
    ["a bind of the file elsewhere", ["bind", PATTERN, at("bind"), "open", at("bind"), "w"], "open"],
    ["another procfs", ["proc", at("proc"), "open", at("proc/sys/kernel/core_pattern"), "w"], "open"],
  ];
  for (const [what, words, syscall] of ways) {
    it(`is recognised by ${what}`, async () => {
      const { results, events } = await open(agent, words);
      assert.ok(
        results.every((result) => / \d+$/.test(result)),
        results.join(),
      );
      assert.equal(events.length, 1, JSON.stringify(events.map(fileOf)));
      const [event] = events;
      const { entry, path, fs_type, access, of } = fileOf(event!);
      assert.deepEqual(
        { entry, path, fs_type, access, of },
        {
          entry: "core-pattern",
          path: "/sys/kernel/core_pattern",
          fs_type: "proc",
          access: ["write"],
          of: undefined,
        },
      );
      assert.equal(event!.syscall, syscall);
      assert.equal(event!.ret, Number(results.at(-1)!.split(" ")[1]));
      assert.ok(event!.container);
    });
  }

  it("says on which superblock it is, and under which inode number", async () => {
    const { events } = await open(agent, ["open", PATTERN, "rw"]);
    const { ino } = statSync(PATTERN, { bigint: true });
    const dev = / (\d+:\d+) \/ \/proc /.exec(readFileSync("/proc/self/mountinfo", "utf8"))![1];
    const { inode, dev: told, access } = fileOf(events[0]!);
    assert.deepEqual({ inode, told, access }, { inode: String(ino), told: dev, access: ["read", "write"] });
    const other = await open(agent, ["open", PATTERN, "w"], { under: OWN_PROC });
    assert.notEqual(fileOf(other.events[0]!).dev, dev);
  });

  it("is told by its arguments as any call", async () => {
    const { events } = await open(agent, ["openat2", PATTERN, "w", "creat", PATTERN, "open", PATTERN, "rw"]);
    assert.deepEqual(
      events.map(({ args }) => args),
      [
        {
          dirfd: "AT_FDCWD",
          pathname: PATTERN,
          how: { flags: ["O_WRONLY"], resolve: ["RESOLVE_NO_MAGICLINKS"] },
          size: 24,
        },
        { pathname: PATTERN, mode: "0600" },
        { pathname: PATTERN, flags: ["O_RDWR"] },
      ],
    );
  });

  it("is what strace says that it was", async () => {
    const trace = at("trace");
    const { events } = await open(
      agent,
      [
        ...["open", PATTERN, "w", "open", PATTERN, "r", "creat", PATTERN, "openat2", PATTERN, "rw"],
        ...[
          "open",
          "/proc/kallsyms",
          "r",
          "openat",
          "/proc/sys/kernel",
          "no-such",
          "w",
          "open",
          "/nowhere",
          "r",
        ],
      ],
      { under: [...CONTAINER, "strace", "-o", trace, "-e", "trace=open,openat,openat2,creat"] },
    );
    const calls = [...readFileSync(trace, "utf8").matchAll(/^(\w+)\(.*"([^"\n]+)".*\) += (\d+)$/gm)].map(
      ([line, syscall, pathname, ret]) => ({ line, syscall, pathname, ret: Number(ret) }),
    );
    const wanted = calls.filter(
      ({ line, pathname }) =>
        pathname === "/proc/kallsyms" || (pathname === PATTERN && !/O_RDONLY/.test(line)),
    );
    assert.equal(wanted.length, 4);
    assert.deepEqual(
      events.map(({ syscall, args, ret }) => ({ syscall, pathname: args.pathname, ret })),
      wanted.map(({ syscall, pathname, ret }) => ({ syscall, pathname, ret })),
    );
  });

  it("is nothing where reading it harms nobody", async () => {
    const { results, events } = await open(agent, ["open", PATTERN, "r", "open", PATTERN, "p"]);
    assert.deepEqual(
      results.map((result) => result.split(" ")[0]),
      ["open", "open"],
    );
    assert.deepEqual(events, []);
  });

  it("is nothing where it could not be opened", async () => {
    const { results, events } = await open(agent, [
      "open",
      "/proc/kallsyms/x",
      "r",
      "open",
      "/proc/kallsyms",
      "d",
    ]);
    assert.deepEqual(results, ["open -20", "open -20"]);
    assert.deepEqual(events, []);
  });

  it("is nothing of a task of the host", async () => {
    const { results, events } = await open(agent, ["open", PATTERN, "w", "open", "/proc/kallsyms", "r"], {
      under: [],
    });
    assert.deepEqual(results, ["open 3", "open 4"]);
    assert.deepEqual(events, []);
  });

  it("is seen of 32-bit callers", { skip: process.arch !== "x64" && "int 0x80 is of x86" }, async () => {
    const { events } = await open(agent, [
      ...["int80-open", PATTERN, "w", "int80-openat", PATTERN, "w"],
      ...["int80-openat2", PATTERN, "w", "int80-creat", PATTERN],
    ]);
    assert.deepEqual(
      events.map(({ syscall, abi, file }) => [syscall, abi, file?.entry]),
      ["open", "openat", "openat2", "creat"].map((call) => [call, "i386", "core-pattern"]),
    );
  });

  it("is not seen of io_uring, and the agent says so", async () => {
    const { results, events } = await open(agent, ["io_uring", PATTERN, "w"]);
    assert.match(results[0]!, /^io_uring \d+$/);
    assert.deepEqual(events, []);
    const [started] = agent.events.filter((event) => event.type === "agent");
    assert.match(JSON.stringify(started), /"opens":\{"seen":true,"detail":"[^"]*io_uring are not seen/);
  });

  it("is told of processes of others, by any thread of theirs, and not of its own", async () => {
    const { pid } = process;
    const read = (file: string) => ["open", file, "r"];
    const { results, events } = await open(agent, [
      ...[
        ...read(`/proc/${pid}/environ`),
        ...read(`/proc/${pid}/task/${pid}/maps`),
        ...read("/proc/self/environ"),
      ],
      ...[...read(`/proc/${pid}/net/tcp`), ...read("/proc/self/net/tcp"), ...read("/proc/thread-self/maps")],
    ]);
    assert.ok(results.every((result) => /^open \d+$/.test(result)));
    assert.deepEqual(
      events.map((event) => [fileOf(event).entry, fileOf(event).path, fileOf(event).of]),
      [
        ["process-environment", `/${pid}/environ`, { pid, container: null }],
        ["process-addresses", `/${pid}/task/${pid}/maps`, { pid, container: null }],
        ["process-facts", `/${pid}/net/tcp`, { pid, container: null }],
      ],
    );
  });

  it("is told of any file on a mount of others", async () => {
    writeFileSync(at("file"), "");
    const fd = openSync(folder, "r");
    const { events } = await open(agent, ["openat-fd", "3", "file", "r", "handle", "3", "file", "rw"], {
      fds: [fd],
    });
    const { ino } = statSync(at("file"), { bigint: true });
    assert.deepEqual(
      events.map((event) => {
        const { inode, foreign_mount, entry, access } = fileOf(event);
        return { syscall: event.syscall, inode, foreign_mount, entry, access };
      }),
      [
        { syscall: "openat", inode: String(ino), foreign_mount: true, entry: null, access: ["read"] },
        {
          syscall: "open_by_handle_at",
          inode: String(ino),
          foreign_mount: true,
          entry: null,
          access: ["read", "write"],
        },
      ],
    );
    const own = await open(agent, ["open", at("file"), "rw"]);
    assert.deepEqual(own.events, []);
  });
});
