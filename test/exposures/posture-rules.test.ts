import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerView, DetachedProcfs } from "../../src/exposures/container-view.js";
import { Exposures } from "../../src/exposures/engine.js";
import { DETECTORS } from "../../src/exposures/rule-set.js";
import { MASKS, mounts, READONLY, runcMounts } from "../mounts/mountinfo-text.js";
import { type ContainerOptions, container, HOST_NS, HOST_PROC_DEV, namespaces, OWN } from "./container.js";

type Found = readonly [severity: string, rule: string];

function findings(view: ContainerView) {
  return new Exposures({ rules: DETECTORS, hostProcDev: HOST_PROC_DEV }).posture(view);
}

/** What is found of the container itself. */
function found(view: ContainerView): Found[] {
  return findings(view)
    .filter(({ subject }) => subject.kind === "container")
    .map(({ severity, rule }) => [severity, rule]);
}

/** A container of runc with these mounts more. */
const runc = (lines: readonly string[], options: ContainerOptions = {}) =>
  container(runcMounts([], lines), options);

const MASKED = ["/proc/acpi", "/proc/keys", "/proc/timer_list", "/sys/firmware"];
const SPEC = { masked: MASKED, readonly: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"] };
const LXCFS = "fuse.lxcfs lxcfs rw,user_id=0,group_id=0,allow_other";
const SHARED = mounts(
  "1 0 254:0 / / rw shared:1 - ext4 /dev/vda rw",
  "2 1 0:90 / /mnt rw shared:7 - tmpfs t rw",
);
const DETACHED: DetachedProcfs = {
  pid: 4242,
  fd: 5,
  dev: "0:77",
  mountId: "9",
  detached: true,
  root: true,
  shows: "own",
  subset: null,
};
const SYSTEMD = "/machine.slice/libpod-c1.scope";
const HIERARCHY = "/sys/fs/cgroup rw - cgroup2 cgroup2 rw";
const cgroup = (root: string, cgroups: readonly string[], options: ContainerOptions = {}) =>
  runc([`91 71 0:30 ${root} ${HIERARCHY}`], { cgroups, ...options });
const V1 = "91 71 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory";
const BINFMT = "91 47 0:80 / /proc/sys/fs/binfmt_misc rw - binfmt_misc binfmt_misc rw";
const unknown = (path: string, mode: number) => ({ unknown: [{ path, mode, uid: 0 }] });

const cases: readonly (readonly [what: string, view: ContainerView, expected: readonly Found[]])[] = [
  // masks and what the runtime was told
  [
    "a mask that the specification leaves out",
    container(runcMounts(["keys"]), {
      spec: { ...SPEC, masked: MASKED.filter((path) => path !== "/proc/keys") },
    }),
    [["medium", "proc-mask-missing"]],
  ],
  [
    "a mask that the runtime was told to make, and another file's is there",
    container(runcMounts(["keys"]), { spec: SPEC }),
    [["high", "proc-mask-missing"]],
  ],
  [
    "none of the files that the runtime was told to mask",
    container(runcMounts(["keys", "timerList"]), { spec: SPEC }),
    [["critical", "proc-mask-bypassed-at-create"]],
  ],
  [
    "the same where nothing is known of what it was told",
    container(runcMounts(["keys", "timerList"])),
    [["medium", "proc-mask-missing"]],
  ],
  [
    "neither files nor directories, which is no bypass",
    container(runcMounts(MASKS), { spec: SPEC }),
    [["critical", "proc-unmasked"]],
  ],
  [
    "a mask that only this runtime was told to make",
    container(runcMounts(), {
      spec: { ...SPEC, masked: [...MASKED, "/proc/interrupts"] },
      existing: [...MASKED, "/proc/interrupts"],
    }),
    [["high", "proc-mask-missing"]],
  ],
  [
    "a read-only path that the runtime was told of, in a user namespace",
    container(runcMounts(["irq"]), { spec: SPEC, realRoot: false }),
    [["low", "proc-readonly-missing"]],
  ],
  [
    "a read-only path that is writable again below",
    runc(["91 45 0:40 /fs/cifs /proc/fs/cifs rw - proc proc rw"]),
    [["medium", "proc-readonly-missing"]],
  ],
  [
    "kcore is visible to a root without CAP_SYS_RAWIO",
    container(runcMounts(), { existing: [...MASKED, "/proc/kcore"] }),
    [["low", "proc-mask-missing"]],
  ],
  [
    "kcore is visible to a root with CAP_SYS_RAWIO",
    container(runcMounts(), { existing: [...MASKED, "/proc/kcore"], capabilities: ["CAP_SYS_RAWIO"] }),
    [["critical", "proc-mask-missing"]],
  ],
  // what lies on masked paths
  [
    "an empty directory that crun keeps",
    container(runcMounts(["acpi"], ["91 66 0:25 /crun/.empty /proc/acpi ro - tmpfs tmpfs rw"]), {
      oracle: { prove: ({ root }) => (root.startsWith("/crun/") ? "empty" : null) },
    }),
    [],
  ],
  [
    "a directory of the host that is not empty",
    container(runcMounts(["acpi"], ["91 66 0:25 /crun/c1 /proc/acpi ro - tmpfs tmpfs rw"]), {
      oracle: { prove: ({ root }) => (root.startsWith("/crun/") ? "content" : null) },
    }),
    [["low", "proc-mask-wrong-source"]],
  ],
  [
    "a part of sysfs on a mask of /sys",
    container(runcMounts(["firmware"], ["91 71 0:44 /kernel /sys/firmware ro - sysfs sysfs ro"])),
    [["critical", "proc-mask-wrong-source"]],
  ],
  [
    "a sysctl at /dev/console (CVE-2025-52565)",
    runc(["91 67 0:40 /sys/kernel/core_pattern /dev/console rw - proc proc rw"]),
    [["critical", "proc-mask-wrong-source"]],
  ],
  ["a terminal at /dev/console", runc(["91 67 0:43 /0 /dev/console rw - devpts devpts rw"]), []],
  // other mounts of procfs
  [
    "a masked copy of the container's own /proc",
    container(
      runcMounts().flatMap((mount) =>
        mount.point.startsWith("/proc")
          ? [
              mount,
              {
                ...mount,
                id: mount.id + 100,
                parent: mount.point === "/proc" ? 65 : 166,
                point: `/c${mount.point}`,
              },
            ]
          : [mount],
      ),
    ),
    [["low", "proc-extra-mount"]],
  ],
  [
    "a process of its own bound",
    runc(["91 65 0:40 /7/ns /x rw - proc proc rw"], { superblocks: [] }),
    [["medium", "proc-subtree-bind"]],
  ],
  [
    "what is masked, bound elsewhere",
    runc(["91 65 0:40 /keys /x ro - proc proc rw"]),
    [["medium", "proc-subtree-bind"]],
  ],
  ["what anybody may read, bound elsewhere", runc(["91 65 0:40 /uptime /x ro - proc proc rw"]), []],
  ["the network's sysctls bound writable", runc(["91 65 0:40 /sys/net /x rw - proc proc rw"]), []],
  [
    "a sysctl of the kernel bound writable, for a root that is not the host's",
    runc(["91 65 0:40 /sys/kernel /x rw - proc proc rw"], { realRoot: false }),
    [],
  ],
  [
    "the host's user namespace bound",
    runc([`91 65 0:4 user:[${HOST_NS[5]}] /x rw - nsfs nsfs rw`]),
    [["critical", "proc-subtree-bind"]],
  ],
  [
    "a stranger's network namespace bound, as network plugins do",
    runc(["91 65 0:4 net:[777] /x rw - nsfs nsfs rw"]),
    [],
  ],
  [
    "a part of procfs at /proc",
    container(mounts("65 43 254:0 / / rw - ext4 d rw", "66 65 0:40 /sys /proc rw - proc proc rw")),
    [["high", "proc-overmounted"]],
  ],
  ["LXCFS over its own files", runc([`91 66 0:70 /proc/uptime /proc/uptime rw - ${LXCFS}`]), []],
  [
    "LXCFS over a file that it has not",
    runc([`91 66 0:70 /proc/version /proc/version rw - ${LXCFS}`]),
    [["medium", "proc-file-overlaid"]],
  ],
  [
    "the tree of LXCFS, writable",
    runc([`91 65 0:70 / /var/lib/lxcfs rw - ${LXCFS}`]),
    [["high", "proc-lxcfs-writable"]],
  ],
  ["the tree of LXCFS, read-only", runc([`91 65 0:70 / /var/lib/lxcfs ro - ${LXCFS}`]), []],
  // propagation
  [
    "procfs in a peer group of the host",
    container(
      runcMounts().map((mount) =>
        mount.point === "/proc" ? { ...mount, propagation: { shared: 7 } } : mount,
      ),
      { hostMounts: SHARED },
    ),
    [["high", "proc-propagation-shared"]],
  ],
  [
    "procfs on a mount in a peer group of the host",
    container(
      runcMounts().map((mount) => (mount.point === "/" ? { ...mount, propagation: { shared: 1 } } : mount)),
      { hostMounts: SHARED },
    ),
    [["high", "proc-propagation-shared"]],
  ],
  [
    "procfs that hears of the host's mounts",
    container(
      runcMounts().map((mount) =>
        mount.point === "/proc" ? { ...mount, propagation: { master: 7 } } : mount,
      ),
      { hostMounts: SHARED },
    ),
    [["low", "proc-propagation-shared"]],
  ],
  [
    "procfs in a peer group of its own",
    container(
      runcMounts().map((mount) =>
        mount.point === "/proc" ? { ...mount, propagation: { shared: 9 } } : mount,
      ),
      { hostMounts: SHARED },
    ),
    [],
  ],
  // descriptors
  ["a detached procfs", runc([], { detached: [DETACHED] }), [["critical", "proc-fd-detached"]]],
  [
    "a detached procfs with subset=pid",
    runc([], { detached: [{ ...DETACHED, subset: "pid" }] }),
    [["low", "proc-fd-detached"]],
  ],
  [
    "a detached procfs of the host, in a user namespace",
    runc([], { detached: [{ ...DETACHED, shows: "host" }], realRoot: false }),
    [["medium", "proc-fd-detached"]],
  ],
  // namespaces and capabilities
  [
    "the host's IPC namespace in a user namespace",
    runc([], { ns: namespaces({ ...OWN, ipc: HOST_NS[2]!, pid: 204 }), realRoot: false }),
    [["low", "ns-shared-with-host"]],
  ],
  [
    "a user namespace that maps the host's root",
    { ...runc([]), initUserNs: false },
    [["high", "userns-maps-host-root"]],
  ],
  ["CAP_SYS_ADMIN over masks", runc([], { sysAdmin: true }), [["high", "masks-advisory-cap"]]],
  [
    "CAP_SYS_ADMIN over no masks",
    container(runcMounts([...MASKS, ...READONLY]), { sysAdmin: true }),
    [["critical", "proc-unmasked"]],
  ],
  ["CAP_SYS_ADMIN in a user namespace", runc([], { sysAdmin: true, realRoot: false }), []],
  ["another container in its pid namespace", runc([], { pidNsSharers: 2, superblocks: [] }), []],
  // sysfs and what is mounted below it
  [
    "sysfs is writable on a kernel with a helper for events",
    container(runcMounts(["sys", "firmware"], ["71 65 0:44 / /sys rw - sysfs sysfs rw"]), {
      existing: ["/proc/keys", "/sys/kernel/uevent_helper"],
    }),
    [["critical", "sys-writable"]],
  ],
  [
    "a part of sysfs is writable",
    runc(["91 71 0:44 /module /sys/module rw - sysfs sysfs rw"]),
    [["high", "sys-writable"]],
  ],
  [
    "the host's binfmt_misc",
    runc([BINFMT], { hostMounts: mounts(BINFMT) }),
    [["critical", "sys-special-fs-mounted"]],
  ],
  ["a binfmt_misc of its own", runc([BINFMT], { hostMounts: [] }), []],
  [
    "debugfs in a user namespace",
    runc(["91 71 0:7 / /sys/kernel/debug rw - debugfs debugfs rw"], { realRoot: false }),
    [],
  ],
  ["its own cgroup, writable", cgroup("/x/c1", ["/x/c1"]), []],
  ["its own cgroup, of systemd in a container", cgroup(SYSTEMD, [`${SYSTEMD}/init.scope`]), []],
  [
    "the cgroup of its pod, writable",
    cgroup("/kubepods", ["/kubepods/podx/c1"]),
    [["high", "cgroupfs-writable"]],
  ],
  ["the cgroup of another, writable", cgroup("/x/c2", ["/x/c1"]), [["high", "cgroupfs-writable"]]],
  ["all cgroups, in a user namespace", cgroup("/", ["/x/c1"], { realRoot: false }), []],
  [
    "the root of a v1 hierarchy and CAP_SYS_ADMIN",
    runc([V1], { cgroups: ["/x/c1"], sysAdmin: true }),
    [
      ["high", "masks-advisory-cap"],
      ["critical", "cgroupfs-writable"],
    ],
  ],
  // entries that nobody knows
  [
    "an unknown sysctl that only a read-only mount protects",
    container(runcMounts(["procSys"]), unknown("/sys/vendor/x", 0o644)),
    [["critical", "proc-sys-writable"]],
  ],
  [
    "an unknown entry that everybody may write where nothing protects it, in a user namespace",
    container(runcMounts(["fs"]), { ...unknown("/fs/vendor", 0o666), realRoot: false }),
    [["high", "proc-unknown-entry"]],
  ],
  ["an unknown entry behind a read-only mount", runc([], unknown("/fs/vendor", 0o666)), []],
];

for (const [what, view, expected] of cases) test(what, () => assert.deepEqual(found(view), expected));

test("what the default leaves open of unknown entries is a finding of the node, by what may be done with it", () => {
  const ofNode = (path: string, mode: number, options: ContainerOptions = {}) =>
    findings(runc([], { ...unknown(path, mode), ...options }))
      .filter(({ rule }) => rule === "proc-unknown-default")
      .map(({ severity }) => severity);
  assert.deepEqual(ofNode("/vendor", 0o444), ["info"]);
  assert.deepEqual(ofNode("/vendor", 0o644), ["medium"]);
  assert.deepEqual(ofNode("/vendor", 0o666), ["high"]);
  assert.deepEqual(ofNode("/vendor", 0o600, { realRoot: false }), []);
  assert.deepEqual(ofNode("/fs/vendor", 0o666), ["info"], "the default keeps it from being written");
  assert.deepEqual(ofNode("/acpi/vendor", 0o666), [], "the default masks it");
});

test("of unknown entries that are too many to look at the finding says how many there are", () => {
  const view = { ...runc([], unknown("/vendor", 0o666)), unknownOmitted: 77 };
  const finding = findings(view).find(({ rule }) => rule === "proc-unknown-default");
  assert.deepEqual(
    finding?.evidence.map(({ fact }) => fact),
    [
      "77 more entries are in no list, and were not looked at",
      "/proc/vendor is in no list and writable with default masks",
    ],
  );
});

test("evidence that several exposures have in common is told once, and says what was judged by", () => {
  const view = container(runcMounts(["keys", "acpi"]), { spec: { ...SPEC, masked: [] } });
  const [finding] = findings(view).filter(({ subject }) => subject.kind === "container");
  const facts = finding!.evidence.map(({ fact }) => fact);
  assert.equal(new Set(facts).size, facts.length);
  assert.equal(facts.filter((fact) => fact.startsWith("not masked: ")).length, 2);
  assert.ok(facts.some((fact) => fact.includes("/run/runc/c1/state.json")));
});
