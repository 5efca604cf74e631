import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";
import { Capture, type CaptureLosses } from "../../../src/capture/capture.js";
import { EVENT, Kind } from "../../../src/capture/wire.js";
import { loadEntries } from "../../../src/exposures/entries.js";
import { OpenedEntries } from "../../../src/exposures/opened-entries.js";
import { HostPath } from "../../../src/kernel/host-path.js";
import { hostNamespaces } from "../../../src/opens.js";
import { CONTAINER, opens } from "./container.js";

const NONE = { include: [], exclude: [] };
/** enum kh_op of bpf/event.h */
const KH_OP_OPEN = 20;
const PATTERN = "/proc/sys/kernel/core_pattern";

interface Recorded {
  /** enum kh_op of each open that the kernel side told, and the flags it was asked with. */
  readonly calls: readonly { readonly op: number; readonly flags: bigint }[];
  readonly losses: CaptureLosses;
}

/** What the kernel side tells of test/programs/opens.c with `words`, before user space has looked at it again. */
function record(words: readonly string[], { rate = 20_000, under = CONTAINER } = {}): Recorded {
  const host = new HostPath("/");
  const capture = Capture.start({
    attach: "tracepoint",
    host,
    ringSize: 1 << 24,
    excludePid: 0,
    filter: { cgroups: NONE, pidNamespaces: NONE, uids: NONE },
    rate,
    opens: hostNamespaces(host),
  });
  try {
    capture.watchOpens({ patterns: new OpenedEntries(loadEntries(), [6, 12]).patterns, binaries: [] });
    const [program, ...args] = [...under, opens, ...words];
    execFileSync(program!, args, { stdio: ["ignore", "ignore", "inherit"] });
    const calls: { op: number; flags: bigint }[] = [];
    const { wire } = capture;
    capture.ring.drain((at) => {
      const op = wire.u32(at + EVENT.op);
      const isOurs = wire.bytes.toString("latin1", at + EVENT.comm, at + EVENT.comm + 6) === "opens\0";
      if (wire.u8(at + EVENT.kind) === Kind.syscall && op >= KH_OP_OPEN && isOurs)
        calls.push({ op, flags: wire.arg(at, 1) });
    });
    return { calls, losses: capture.losses() };
  } finally {
    capture.close();
  }
}

describe("what the kernel side tells of opens", () => {
  it("is nothing of what every program opens", () => {
    const ordinary = [
      ...["/proc/meminfo", "/proc/stat", "/proc/cpuinfo", "/proc/loadavg", "/proc/uptime", "/proc/version"],
      ...[
        "/proc/self/stat",
        "/proc/self/status",
        "/proc/self/maps",
        "/proc/thread-self/comm",
        "/proc/self/net/tcp",
      ],
      ...[
        "/proc/sys/kernel/hostname",
        "/proc/sys/vm/overcommit_memory",
        "/proc/sys/net/core/somaxconn",
        PATTERN,
      ],
      ...[
        "/sys/devices/system/cpu/online",
        "/sys/kernel/mm/transparent_hugepage/enabled",
        "/etc/passwd",
        "/dev/null",
      ],
    ];
    const { calls, losses } = record(ordinary.flatMap((path) => ["times", "20", "open", path, "r"]));
    assert.deepEqual(calls, []);
    assert.equal(losses["opens-limit"], 0n);
  });

  it("is nothing of a task of the host", () => {
    const { calls } = record(["open", PATTERN, "w", "open", "/proc/1/stat", "r"], { under: [] });
    assert.deepEqual(calls, []);
  });

  it("is each open of what the catalogue has", () => {
    const { calls } = record(["times", "300", "open", PATTERN, "w"]);
    assert.equal(calls.length, 300);
  });

  it("is what the rate of a workload has room for; the rest is counted, and keeps nothing else out", () => {
    const rate = 1_000;
    const reads = 20_000;
    const { calls, losses } = record(
      ["times", String(reads), "open", "/proc/kallsyms", "r", "open", PATTERN, "w"],
      {
        rate,
      },
    );
    const writes = calls.filter(({ flags }) => (flags & 3n) === 1n).length;
    const told = calls.length - writes;
    assert.equal(writes, 1);
    assert.ok(told >= rate && told < reads, `${told} told`);
    assert.equal(BigInt(told) + losses["opens-limit"], BigInt(reads));
  });
});
