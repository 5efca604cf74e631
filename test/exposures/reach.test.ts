import assert from "node:assert/strict";
import { test } from "node:test";
import { loadEntries } from "../../src/exposures/entries.js";
import type { Entry } from "../../src/exposures/entry.js";
import { EntryIndex } from "../../src/exposures/entry-index.js";
import type { HostEntry } from "../../src/exposures/host-entries.js";
import type { Kin } from "../../src/exposures/kin.js";
import { type Reach, reachOf, worstOf } from "../../src/exposures/reach.js";
import type { Subject } from "../../src/exposures/subject.js";
import { IdMap } from "../../src/kernel/idmap.js";
import type { Mount } from "../../src/kernel/mountinfo.js";
import { mounts, runcMounts } from "../mounts/mountinfo-text.js";
import { type ContainerOptions, container, namespaces, superblock } from "./container.js";

const index = new EntryIndex(loadEntries(), "proc", [6, 18]);
const ALL_IDS = new IdMap([{ inside: 0, outside: 0, count: 4294967295 }]);

const ROOT: Subject = {
  uid: 0,
  gid: 0,
  groups: new Set(),
  capabilities: 0n,
  initUserNs: true,
  uidMap: ALL_IDS,
  gidMap: ALL_IDS,
  class: "host_root",
};
const MAPPED: Subject = {
  ...ROOT,
  uid: 100_000,
  gid: 100_000,
  initUserNs: false,
  uidMap: new IdMap([{ inside: 0, outside: 100_000, count: 65_536 }]),
  gidMap: new IdMap([{ inside: 0, outside: 100_000, count: 65_536 }]),
  class: "userns_root",
};
const CAP_DAC_OVERRIDE = 1n << 1n;
const CAP_SYS_PTRACE = 1n << 19n;
const CAP_SYSLOG = 1n << 34n;

function host(path: string, mode: number, more: Partial<HostEntry> = {}): HostEntry {
  const entry = index.find(path);
  const known = entry !== null || (!path.startsWith("/sys/") && index.isKnownName(path));
  return { path, kind: "file", mode, uid: 0, gid: 0, closed: [], entry, known, ...more };
}

const ENTRIES = [
  host("/keys", 0o444),
  host("/kmsg", 0o400),
  host("/kallsyms", 0o444),
  host("/scsi/scsi", 0o444),
  host("/acpi/wakeup", 0o644),
  host("/sys/kernel/core_pattern", 0o644),
  host("/sys/net/ipv4/ip_forward", 0o644),
  host("/tty/driver/serial", 0o444, { closed: [{ path: "/tty/driver", mode: 0o500, uid: 0, gid: 0 }] }),
  host("/vendor", 0o600),
  host("/vendor_open", 0o666),
  host("/sys/kernel/vendor", 0o644),
  host("/drbd", 0o444),
];

interface Options extends ContainerOptions {
  readonly kin?: Kin | null;
  readonly processes?: readonly Entry[];
}

function reaches(
  table: readonly Mount[],
  subject: Subject,
  { kin = null, ...options }: Options = {},
): Reach[] {
  const superblocks = [superblock("0:40", 204), superblock("0:21", 104)];
  return reachOf(container(table, { superblocks, ...options }), subject, {
    host: { entries: ENTRIES, unread: [], covered: [] },
    processes: index.processes,
    inHostNet: true,
    kin: () => kin,
  });
}

function at(list: readonly Reach[], path: string): Reach {
  const found = list.find((one) => one.path === path);
  assert.ok(found !== undefined, `nothing is said of ${path}`);
  return found;
}

const answer = ({ read, write, severity }: Reach) => [read, write, severity];

test("masks hide, read-only mounts keep from writing, and both say where they are", () => {
  const list = reaches(runcMounts(), ROOT);
  assert.deepEqual(answer(at(list, "/proc/keys")), [false, false, null]);
  assert.equal(at(list, "/proc/keys").why, "masked at /keys");
  assert.deepEqual(answer(at(list, "/proc/acpi/wakeup")), [false, false, null]);
  assert.deepEqual(answer(at(list, "/proc/sys/kernel/core_pattern")), [true, false, "info"]);
  assert.equal(at(list, "/proc/sys/kernel/core_pattern").why, "read-only at /sys");
  assert.deepEqual(
    list.filter(({ path }) => path.includes("[pid]")),
    [],
    "its own processes are none of the host's",
  );
});

test("without protections the owner decides: the host's root has critical ones, a user namespace's none", () => {
  const bare = runcMounts(["acpi", "keys", "timerList", "bus", "fs", "irq", "procSys"]);
  const asRoot = reaches(bare, ROOT);
  assert.deepEqual(answer(at(asRoot, "/proc/sys/kernel/core_pattern")), [true, true, "critical"]);
  assert.deepEqual(answer(at(asRoot, "/proc/acpi/wakeup")), [true, true, "medium"]);
  assert.equal(worstOf(asRoot), "critical");
  const mapped = reaches(bare, MAPPED);
  assert.deepEqual(answer(at(mapped, "/proc/sys/kernel/core_pattern")), [true, false, "info"]);
  assert.deepEqual(answer(at(mapped, "/proc/keys")), [true, false, "low"]);
});

test("capabilities open, refuse and make worse what they are said to", () => {
  const plain = reaches(runcMounts(), ROOT);
  assert.deepEqual(answer(at(plain, "/proc/kmsg")), [false, false, null]);
  assert.equal(at(plain, "/proc/kmsg").why, "wants CAP_SYSLOG");
  assert.equal(at(plain, "/proc/kallsyms").severity, "info");
  assert.deepEqual(answer(at(plain, "/proc/scsi/scsi")), [true, false, "low"]);
  const syslog = reaches(runcMounts(), { ...ROOT, capabilities: CAP_SYSLOG });
  assert.deepEqual(answer(at(syslog, "/proc/kmsg")), [true, false, "high"]);
  assert.equal(at(syslog, "/proc/kallsyms").severity, "high");
  const override = reaches(runcMounts(), { ...ROOT, capabilities: CAP_DAC_OVERRIDE });
  assert.deepEqual(answer(at(override, "/proc/scsi/scsi")), [true, true, "high"]);
  const inUserNs = reaches(runcMounts(), { ...MAPPED, capabilities: CAP_DAC_OVERRIDE | CAP_SYSLOG });
  assert.deepEqual(answer(at(inUserNs, "/proc/kmsg")), [false, false, null], "over its own namespace only");
});

test("a directory that may not be searched closes what is in it", () => {
  assert.deepEqual(answer(at(reaches(runcMounts(), ROOT), "/proc/tty/driver/serial")), [true, false, "low"]);
  const mapped = at(reaches(runcMounts(), MAPPED), "/proc/tty/driver/serial");
  assert.deepEqual([mapped.read, mapped.why], [false, "0500 directory /tty/driver"]);
});

test("what nobody knows is judged by who may write it", () => {
  const list = reaches(runcMounts(), ROOT);
  assert.deepEqual(
    [at(list, "/proc/vendor").known, answer(at(list, "/proc/vendor"))],
    [false, [true, true, "medium"]],
  );
  assert.deepEqual(answer(at(list, "/proc/sys/kernel/vendor")), [true, false, "low"]);
  assert.deepEqual([at(list, "/proc/drbd").known, at(list, "/proc/drbd").severity], [true, "info"]);
  const mapped = reaches(runcMounts(), MAPPED);
  assert.deepEqual(answer(at(mapped, "/proc/vendor")), [false, false, null]);
  assert.deepEqual(answer(at(mapped, "/proc/vendor_open")), [true, true, "high"]);
});

test("sysctls of a network namespace that is not the host's are one answer, for the mounts on them", () => {
  const own = { ns: namespaces({ mnt: 200, pid: 204, net: 203 }) };
  const net = (table: readonly Mount[]) => answer(at(reaches(table, ROOT, own), "/proc/sys/net"));
  assert.deepEqual(net(runcMounts()), [null, false, "info"]);
  assert.deepEqual(net(runcMounts(["procSys"])), [null, null, "info"]);
  // as LXC mounts it
  const hole = "80 47 0:40 /sys/net /proc/sys/net rw - proc proc rw";
  assert.deepEqual(net(runcMounts([], [hole])), [null, null, "info"]);
  const hosts = { ns: namespaces({ mnt: 200, pid: 204 }) };
  const shared = at(reaches(runcMounts(["procSys"]), ROOT, hosts), "/proc/sys/net/ipv4/ip_forward");
  assert.deepEqual(answer(shared), [true, true, "high"]);
});

test("the host's procfs is reached at the path where it is bound, as a whole or in part", () => {
  const whole = "90 65 0:21 / /host/proc rw - proc proc rw";
  const sysctls = "91 65 0:21 /sys/kernel /knobs rw - proc proc rw";
  const list = reaches(runcMounts([], [whole, sysctls]), ROOT);
  assert.deepEqual(answer(at(list, "/host/proc/sys/kernel/core_pattern")), [true, true, "critical"]);
  assert.deepEqual(answer(at(list, "/knobs/core_pattern")), [true, true, "critical"]);
  assert.equal(
    list.some(({ path }) => path.startsWith("/knobs/") && !/core_pattern|vendor/.test(path)),
    false,
  );
  const readonly = reaches(runcMounts([], [whole.replace(" rw -", " ro -")]), ROOT);
  assert.deepEqual(answer(at(readonly, "/host/proc/sys/kernel/core_pattern")), [true, false, "info"]);
});

test("processes of others are reached by kinship or CAP_SYS_PTRACE, by their directories too", () => {
  const table = runcMounts([], ["90 65 0:21 / /host/proc rw - proc proc rw"]);
  const path = "/host/proc/[pid]/root";
  assert.deepEqual(answer(at(reaches(table, ROOT), path)), [false, false, null]);
  const kin = at(reaches(table, ROOT, { kin: { pid: 77, container: null } }), path);
  assert.deepEqual([answer(kin), kin.why], [[true, null, "critical"], "of process 77, by its uid"]);
  const other = at(reaches(table, ROOT, { kin: { pid: 78, container: "c2" } }), path);
  assert.deepEqual([other.severity, other.why], ["high", "of process 78 of container c2, by its uid"]);
  const tracer = at(reaches(table, { ...ROOT, capabilities: CAP_SYS_PTRACE }), path);
  assert.deepEqual(answer(tracer), [true, true, "critical"]);
  const both = { ...ROOT, capabilities: CAP_SYS_PTRACE };
  const near = reaches(table, both, { kin: { pid: 78, container: "c2" } });
  assert.equal(at(near, path).severity, "critical", "the host's are within reach as well");
  assert.deepEqual(answer(at(reaches(table, MAPPED), "/host/proc/[pid]/cmdline")), [true, false, "medium"]);

  const one = reaches(runcMounts([], ["90 65 0:21 /1 /p rw - proc proc rw"]), ROOT);
  assert.deepEqual(answer(at(one, "/p/cmdline")), [true, false, "medium"]);
  const hidden = runcMounts([], ["90 65 0:21 / /host/proc rw - proc proc rw,hidepid=invisible"]);
  assert.equal(at(reaches(hidden, ROOT), "/host/proc/[pid]/cmdline").read, null);
});

test("an instance with subset=pid has processes only, and one whose processes are not known claims none", () => {
  const subset = mounts(
    "65 43 254:0 /rootfs / rw - ext4 /dev/vda rw",
    "66 65 0:21 / /proc rw - proc proc rw,subset=pid",
  );
  const list = reaches(subset, ROOT, { kin: { pid: 77, container: null } });
  assert.ok(list.length > 0 && list.every(({ path }) => path.startsWith("/proc/[pid]/")));
  const view = container(runcMounts());
  assert.equal(view.procfs[0]?.shows, "unknown");
  const blind = reachOf(view, ROOT, {
    host: { entries: ENTRIES, unread: [], covered: [] },
    processes: index.processes,
    inHostNet: true,
    kin: () => ({ pid: 77, container: null }),
  });
  assert.deepEqual(
    blind.filter(({ path }) => path.includes("[pid]")),
    [],
  );
});
