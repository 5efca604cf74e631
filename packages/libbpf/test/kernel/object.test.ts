import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type BpfObject, enableStats, LibbpfError, loadLibbpf, possibleCpus } from "../../src/index.js";
import { compile, integer, u32 } from "../fixture.js";

const fixture = compile("fixture");
const libbpf = loadLibbpf();

/** What an error must be: its code, its errno (undefined: libbpf's versions differ), and a part of its message. */
function fails(code: string, errno: string | null | undefined, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof LibbpfError, String(error));
    assert.equal(error.code, code);
    if (errno !== undefined) assert.equal(error.errno, errno);
    assert.match(error.message, message);
    return true;
  };
}

function loaded(): BpfObject {
  const object = libbpf.open(fixture);
  object.load();
  return object;
}

test("lists programs and maps as bpftool and readelf know them", () => {
  using object = libbpf.open(fixture, { name: "probe" });
  assert.deepEqual(
    object.programs.map(({ name, section }) => [name, section]),
    [
      ["on_getppid", "tp_btf/sys_exit"],
      ["hold", "tp_btf/sys_exit"],
      ["feed", "raw_tp/sys_enter"],
      ["tasks", "iter/task"],
      ["recurse", "raw_tp/mmap_lock_acquire_returned"],
    ],
  );
  assert.deepEqual(
    object.maps.map((map) => [map.name, map.type, map.keySize, map.valueSize, map.maxEntries]),
    [
      ["ring", 27, 0, 0, 65536],
      ["hash", 1, 4, 8, 16],
      ["per_cpu", 6, 4, 4, 1],
      ["shared", 2, 4, 4, 3],
      ["probe.rodata", 2, 4, 32, 1],
      ["probe.bss", 2, 4, 20, 1],
      ["probe.data", 2, 4, 4, 1],
    ],
  );
  assert.equal(object.program("feed").type, 17);
  assert.throws(
    () => object.program("fed"),
    fails("LIBBPF_UNKNOWN_NAME", null, /no program fed; .*feed, tasks/),
  );
  assert.throws(
    () => object.map("rung"),
    fails("LIBBPF_UNKNOWN_NAME", null, /no map rung; it has: ring, hash/),
  );
});

test("opens bytes like a file, and says why it cannot open", () => {
  using object = libbpf.open(readFileSync(fixture), { name: "bytes" });
  object.load();
  assert.equal(object.map("bytes.bss").valueSize, 20);
  const missing = "/nonexistent/probe.bpf.o";
  assert.throws(
    () => libbpf.open(missing),
    fails("LIBBPF_OPEN", "ENOENT", /nonexistent\/probe\.bpf\.o: ENOENT$/),
  );
  assert.throws(
    () => libbpf.open(new Uint8Array(64)),
    (error) => {
      assert.ok(error instanceof LibbpfError);
      assert.equal(error.errno, "LIBBPF_ERRNO__FORMAT");
      assert.match(error.log, /not a proper ELF object/);
      return true;
    },
  );
  assert.throws(() => libbpf.open(new Uint8Array(0)), fails("LIBBPF_OPEN", "EINVAL", /0 bytes/));
});

test("globals keep what was set, before and after load", () => {
  using object = libbpf.open(fixture);
  object.setGlobal("traced_pid", 0xffff_ffff);
  object.setGlobal("wide", -(2n ** 63n));
  object.setGlobal("label", Buffer.from("12345678"));
  object.setGlobal("seed", 99);
  assert.deepEqual(object.getGlobal("traced_pid"), u32(0xffff_ffff));
  object.load();
  assert.deepEqual(object.getGlobal("traced_pid"), u32(0xffff_ffff));
  assert.deepEqual(object.getGlobal("wide"), new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0x80]));
  assert.equal(Buffer.from(object.getGlobal("label")).toString(), "12345678");
  assert.equal(object.program("feed").testRun([0n, 3n]).retval, 100);
  assert.equal(integer(object.getGlobal("produced")), 3);
  assert.throws(() => object.setGlobal("seed", 1), fails("LIBBPF_STATE", null, /already loaded/));
});

test("globals refuse what does not fit", () => {
  using object = libbpf.open(fixture);
  const refused: [string, number | bigint | Uint8Array, RegExp][] = [
    ["seeed", 1, /no global seeed; it has: .*traced_pid/],
    ["seed", 2 ** 32, /4294967296 does not fit 4 bytes/],
    ["seed", -(2 ** 31) - 1, /-2147483649 does not fit 4 bytes/],
    ["wide", 2n ** 64n, /does not fit 8 bytes/],
    ["seed", 1.5, /1\.5 is not an exact integer/],
    ["wide", 2 ** 53, /is not an exact integer/],
    ["seed", new Uint8Array(5), /seed has 4 bytes, the value 5/],
  ];
  for (const [name, value, message] of refused) {
    assert.throws(() => object.setGlobal(name, value), fails("LIBBPF_GLOBAL", null, message));
  }
  object.setGlobal("seed", -1);
  assert.deepEqual(object.getGlobal("seed"), u32(0xffff_ffff));
  assert.throws(() => object.getGlobal("LICENSE"), fails("LIBBPF_GLOBAL", null, /no global LICENSE/));
});

test("a load that the verifier refuses carries its log", () => {
  using object = libbpf.open(compile("rejected"));
  assert.throws(
    () => object.load(),
    (error) => {
      assert.ok(error instanceof LibbpfError);
      assert.equal(error.code, "LIBBPF_LOAD");
      assert.equal(error.errno, "EACCES");
      assert.match(error.log, /prog 'careless': -- BEGIN PROG LOAD LOG --/);
      assert.match(error.log, /R0 invalid mem access 'map_value_or_null'/);
      assert.match(error.log, /-- END PROG LOAD LOG --/);
      return true;
    },
  );
});

test("a verifier log of any length is complete", () => {
  // The verifier explores every one of these branches and says so before it finds the fault behind them.
  using object = libbpf.open(compile("rejected-late"));
  assert.throws(
    () => object.load(),
    (error) => {
      assert.ok(error instanceof LibbpfError);
      assert.ok(error.log.length > 16384, `${error.log.length} characters`);
      assert.match(error.log, /R0 invalid mem access 'map_value_or_null'/);
      assert.match(error.log, /-- END PROG LOAD LOG --/);
      return true;
    },
  );
});

test("without the refused program the rest loads", () => {
  using object = libbpf.open(compile("rejected"));
  object.program("careless").setAutoload(false);
  object.load();
  assert.ok(object.program("careful").fd >= 0);
  assert.throws(
    () => object.program("careless").fd,
    fails("LIBBPF_STATE", undefined, /careless was not loaded/),
  );
  assert.throws(
    () => object.program("careful").setAutoload(false),
    fails("LIBBPF_STATE", null, /already loaded/),
  );
});

test("each program attaches or fails for itself", () => {
  using object = libbpf.open(compile("unattachable"));
  object.load();
  assert.throws(
    () => object.program("nowhere").attach(),
    (error) => {
      assert.ok(fails("LIBBPF_ATTACH", "ENOENT", /attaching nowhere \(raw_tp\/no_such_tracepoint\)/)(error));
      assert.match((error as LibbpfError).log, /failed to attach to raw tracepoint 'no_such_tracepoint'/);
      return true;
    },
  );
  const unsupported = fails("LIBBPF_ATTACH", "EOPNOTSUPP", /attaching needs_a_socket/);
  assert.throws(() => object.program("needs_a_socket").attach(), unsupported);
  using link = object.program("somewhere").attach();
  const links = JSON.parse(execFileSync("bpftool", ["-j", "link"], { encoding: "utf8" })) as {
    prog_id: number;
  }[];
  const { id } = object.program("somewhere").info();
  assert.equal(links.filter(({ prog_id }) => prog_id === id).length, 1);
  link.detach();
  link.detach();
  const after = JSON.parse(execFileSync("bpftool", ["-j", "link"], { encoding: "utf8" })) as {
    prog_id: number;
  }[];
  assert.equal(after.filter(({ prog_id }) => prog_id === id).length, 0);
});

test("counts runs and recursion like bpftool", () => {
  using object = libbpf.open(fixture);
  object.setGlobal("traced_pid", process.pid);
  object.load();
  const program = object.program("recurse");
  using _stats = enableStats();
  const link = program.attach();
  // A list of a process's mappings is read under the lock that the program is attached to.
  for (let i = 0; i < 20; i++) readFileSync("/proc/self/maps");
  for (let i = 0; i < 20; i++) Buffer.alloc(4 << 20, 1);
  link.detach();
  const { id, runCount, runTimeNs, recursionMisses } = program.info();
  const shown = execFileSync("bpftool", ["-j", "prog", "show", "id", String(id)], { encoding: "utf8" });
  const oracle = JSON.parse(shown) as { run_cnt: number; run_time_ns: number; recursion_misses: number };
  assert.ok(recursionMisses > 0n, "the program did not run into itself");
  assert.deepEqual(
    [runCount, runTimeNs, recursionMisses],
    [BigInt(oracle.run_cnt), BigInt(oracle.run_time_ns), BigInt(oracle.recursion_misses)],
  );
});

test("runs are not counted once statistics are off again", () => {
  using object = loaded();
  const program = object.program("tasks");
  using iterator = program.attachIter();
  const stats = enableStats();
  iterator.read();
  const counted = program.info().runCount;
  assert.ok(counted > 0n);
  stats[Symbol.dispose]();
  stats[Symbol.dispose]();
  iterator.read();
  assert.equal(program.info().runCount, counted);
});

test("a test run gives words to a raw tracepoint and bytes likewise", () => {
  using object = loaded();
  const feed = object.program("feed");
  assert.deepEqual(feed.testRun([0n, 5n]), { retval: 42 });
  assert.deepEqual(feed.testRun(new Uint8Array(BigUint64Array.of(5n, 2n).buffer)), { retval: 42 });
  assert.equal(integer(object.getGlobal("produced")), 7);
  assert.throws(() => feed.testRun([]), fails("LIBBPF_RUN", "EINVAL", /running feed/));
});

test("a packet program gets bytes as its packet", () => {
  using object = libbpf.open(compile("packet"));
  object.load();
  const packet = Buffer.alloc(64, 0);
  packet[20] = 77;
  assert.deepEqual(object.program("byte20").testRun(packet), { retval: 77 });
});

test("a closed object refuses everything and crashes nothing", () => {
  const object = loaded();
  const [program, map] = [object.program("feed"), object.map("hash")];
  object.close();
  object.close();
  const closed = fails("LIBBPF_STATE", null, /fixture is closed/);
  assert.throws(() => object.load(), closed);
  assert.throws(() => object.getGlobal("seed"), closed);
  assert.throws(() => program.fd, closed);
  assert.throws(() => program.attach(), closed);
  assert.throws(() => program.attachIter(), closed);
  assert.throws(() => program.testRun([0n, 0n]), closed);
  assert.throws(() => map.fd, closed);
  assert.throws(() => map.maxEntries, closed);
  assert.throws(() => map.lookup(u32(0)), closed);
});

test("what needs a loaded object says so before", () => {
  using object = libbpf.open(fixture);
  const early = fails("LIBBPF_STATE", null, /not loaded yet/);
  assert.throws(() => object.program("feed").attach(), early);
  assert.throws(() => object.program("feed").info(), early);
  assert.throws(() => object.map("hash").lookup(u32(0)), early);
  object.load();
  assert.throws(() => object.load(), fails("LIBBPF_STATE", null, /already loaded/));
});

test("possibleCpus is what the kernel says", () => {
  const ranges = readFileSync("/sys/devices/system/cpu/possible", "utf8").trim().split(",");
  const counts = ranges.map((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return last - first + 1;
  });
  assert.equal(
    possibleCpus(),
    counts.reduce((sum, count) => sum + count),
  );
});
