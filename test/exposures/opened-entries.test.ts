import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { buildOpenTable, encodeStep, MAGIC } from "../../src/capture/open-table.js";
import { loadEntries } from "../../src/exposures/entries.js";
import { OpenedEntries } from "../../src/exposures/opened-entries.js";

const entries = new OpenedEntries(loadEntries(), [6, 12]);

describe("opened files in the catalogue", () => {
  const cases: readonly (readonly [string, string, string | null, readonly string[], boolean?])[] = [
    ["proc", "/sys/kernel/core_pattern", "core-pattern", ["write"]],
    ["proc", "/kcore", "kcore", ["read"]],
    ["proc", "/meminfo", "statistics", []],
    ["proc", "/sys/net/ipv4/ip_forward", "net-settings", []],
    ["proc", "/12/mem", "process-memory", ["read", "write"], true],
    ["proc", "/12/task/13/mem", "process-memory", ["read", "write"], true],
    ["proc", "/12/net/tcp", "process-facts", ["read"], true],
    ["proc", "/12/unheard-of", null, [], true],
    ["sysfs", "/kernel/uevent_helper", "uevent-helper", ["write"]],
    ["sysfs", "/devices/system/cpu/online", null, []],
    ["binfmt_misc", "/register", "binfmt-misc", ["write"]],
    ["cgroup", "/release_agent", "release-agent", ["write"]],
    ["cgroup", "/box/notify_on_release", "release-agent", ["write"]],
    ["cgroup", "/box/tasks", null, []],
    ["cgroup2", "/box/cgroup.procs", "cgroup-tree", ["write"]],
    ["debugfs", "/sched/features", "debugfs", ["read", "write"]],
    ["tracefs", "/kprobe_events", "tracefs", ["read", "write"]],
    ["securityfs", "/apparmor/.load", "securityfs", ["read", "write"]],
    ["pstore", "/dmesg", "subsystem-control", ["read", "write"]],
    ["tmpfs", "/sys/kernel/core_pattern", null, []],
  ];
  for (const [fs, path, id, access, ofProcess = false] of cases) {
    it(`${fs}:${path} is ${id ?? "none"}`, () => {
      const found = entries.find(fs, path, ofProcess);
      assert.deepEqual([found?.entry.id ?? null, found?.access ?? []], [id, access]);
    });
  }

  it("counts what is of a namespace where that is the host's", () => {
    assert.deepEqual(entries.find("proc", "/sys/net/ipv4/ip_forward", false)?.sharedAccess, ["write"]);
  });

  it("fits into what the kernel side has room for", () => {
    const { roots, steps } = buildOpenTable(entries.patterns);
    assert.ok(roots.length <= 32, `${roots.length} file systems`);
    for (const step of steps) encodeStep(step);
    assert.ok(roots.some(({ magic }) => magic === MAGIC.cgroup2));
  });

  it("looks for no pattern in no file system", () => {
    const paths = loadEntries().entries.flatMap(({ fs, paths }) => paths.map((path) => `${fs} ${path}`));
    assert.ok(entries.patterns.length > paths.length / 2);
    for (const { names, access } of entries.patterns)
      assert.ok(names.length > 0 && access > 0, names.join("/"));
  });
});
