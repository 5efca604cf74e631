import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerView } from "../../src/exposures/container-view.js";
import { Exposures } from "../../src/exposures/engine.js";
import { DETECTORS } from "../../src/exposures/rule-set.js";
import { MASKS, mounts, READONLY, runcMounts } from "../mounts/mountinfo-text.js";
import {
  CHILD_PIDNS,
  container,
  HOST_NS,
  HOST_PROC_DEV,
  namespaces,
  OWN as OWN_NAMESPACES,
  STRANGER_PIDNS,
  superblock,
} from "./container.js";

type Expected = readonly [severity: string, rule: string, also: readonly string[]];

/** What is found, the node's findings left out. */
function found(view: ContainerView): Expected[] {
  return new Exposures({ rules: DETECTORS, hostProcDev: HOST_PROC_DEV })
    .posture(view)
    .filter(({ subject }) => subject.kind === "container")
    .map(({ severity, rule, also }) => [severity, rule, also]);
}

const HOST_BIND = "90 65 0:21 / /host/proc rw - proc proc rw";
const OWN = superblock("0:40", 204);
const HOSTS = superblock(HOST_PROC_DEV, HOST_NS[4]!);
const HOST_PID = namespaces(OWN_NAMESPACES);
const BOUND = "proc-host-superblock-bound";
const SUBSUMED = [
  "proc-host-pidns-visible",
  "proc-extra-mount",
  "proc-unmasked",
  "proc-sys-writable",
  "proc-mask-missing",
];

const cases: readonly [string, ContainerView, readonly Expected[]][] = [
  ["runc's defaults", container(runcMounts()), []],
  ["runc's defaults, with BPF", container(runcMounts(), { superblocks: [OWN, HOSTS] }), []],
  ["runc's defaults in a user namespace", container(runcMounts(), { realRoot: false }), []],
  [
    "neither masks nor read-only paths",
    container(runcMounts([...MASKS, ...READONLY])),
    [["critical", "proc-unmasked", ["proc-sys-writable", "proc-mask-missing"]]],
  ],
  [
    "the same in a user namespace",
    container(runcMounts([...MASKS, ...READONLY]), { realRoot: false }),
    [["low", "proc-unmasked", ["proc-mask-missing"]]],
  ],
  [
    "the same where the kernel has nothing to mask",
    container(runcMounts([...MASKS, ...READONLY]), { existing: ["/proc/sys"] }),
    [["critical", "proc-sys-writable", []]],
  ],
  [
    "no masks, but the read-only paths",
    container(runcMounts(MASKS)),
    [["critical", "proc-unmasked", ["proc-mask-missing"]]],
  ],
  ["the mask of keys is missing", container(runcMounts(["keys"])), [["medium", "proc-mask-missing", []]]],
  [
    "the mask of keys is missing in a user namespace",
    container(runcMounts(["keys"]), { realRoot: false }),
    [["low", "proc-mask-missing", []]],
  ],
  [
    "the mask of timer_list is missing",
    container(runcMounts(["timerList"])),
    [["low", "proc-mask-missing", []]],
  ],
  ["the mask of acpi is missing", container(runcMounts(["acpi"])), [["medium", "proc-mask-missing", []]]],
  [
    "the mask of /sys/firmware is missing",
    container(runcMounts(["firmware"])),
    [["low", "proc-mask-missing", []]],
  ],
  ["/proc/sys is writable", container(runcMounts(["procSys"])), [["critical", "proc-sys-writable", []]]],
  ["/proc/sys is writable in a user namespace", container(runcMounts(["procSys"]), { realRoot: false }), []],
  [
    "only the network's sysctls are writable, as under LXC",
    container(runcMounts([], ["90 47 0:40 /sys/net /proc/sys/net rw - proc proc rw"])),
    [],
  ],
  [
    "one global sysctl is writable",
    container(runcMounts([], ["90 47 0:40 /sys/kernel /proc/sys/kernel rw - proc proc rw"])),
    [["critical", "proc-sys-writable", []]],
  ],
  ["/proc/fs is writable", container(runcMounts(["fs"])), [["medium", "proc-readonly-missing", []]]],
  ["/proc/irq is writable", container(runcMounts(["irq"])), [["medium", "proc-readonly-missing", []]]],
  [
    "a sysctl lies on a masked path (CVE-2025-31133)",
    container(runcMounts(["keys"], ["90 66 0:40 /sys/kernel/core_pattern /proc/keys rw - proc proc rw"])),
    [["critical", "proc-mask-wrong-source", ["proc-subtree-bind", "proc-sys-writable", "proc-mask-missing"]]],
  ],
  [
    "an instance with subset=pid needs no masks",
    container(
      runcMounts(
        ["proc", ...MASKS.slice(0, 3), ...READONLY],
        ["66 65 0:40 / /proc rw - proc proc rw,subset=pid"],
      ),
    ),
    [],
  ],
  [
    "another full procfs beside the masked one",
    container(runcMounts([], ["90 65 0:61 / /mnt rw - proc proc rw"])),
    [["critical", "proc-extra-mount", ["proc-unmasked", "proc-sys-writable", "proc-mask-missing"]]],
  ],
  ["the host's /proc is bound", container(runcMounts([], [HOST_BIND])), [["critical", BOUND, SUBSUMED]]],
  [
    "the host's /proc is bound, with BPF",
    container(runcMounts([], [HOST_BIND]), { superblocks: [OWN, HOSTS] }),
    [["critical", BOUND, SUBSUMED]],
  ],
  [
    "the host's /proc is bound read-only",
    container(runcMounts([], [HOST_BIND.replace("rw", "ro")])),
    [["high", BOUND, ["proc-host-pidns-visible", "proc-extra-mount", "proc-unmasked", "proc-mask-missing"]]],
  ],
  [
    "the host's /proc is bound in a user namespace",
    container(runcMounts([], [HOST_BIND]), { realRoot: false }),
    [["high", BOUND, ["proc-host-pidns-visible", "proc-extra-mount", "proc-unmasked", "proc-mask-missing"]]],
  ],
  [
    "the host's sysctls are bound",
    container(runcMounts([], ["90 65 0:21 /sys /hs rw - proc proc rw"])),
    [["critical", BOUND, ["proc-subtree-bind", "proc-sys-writable"]]],
  ],
  [
    "a process of the host is bound",
    container(runcMounts([], ["90 65 0:21 /1 /p1 rw - proc proc rw"])),
    [["critical", BOUND, ["proc-host-pidns-visible", "proc-subtree-bind"]]],
  ],
  [
    "the host's /proc with all its masks in place of the container's",
    container(runcMounts().map((mount) => (mount.dev === "0:40" ? { ...mount, dev: HOST_PROC_DEV } : mount))),
    [["critical", BOUND, ["proc-host-pidns-visible"]]],
  ],
  ["the bind is covered", container(runcMounts([], [HOST_BIND, "91 65 0:70 / /host rw - tmpfs t rw"])), []],
  [
    "the host's pid namespace",
    container(runcMounts(), { ns: HOST_PID, superblocks: [superblock("0:40", HOST_NS[4]!)] }),
    [["critical", "proc-host-pidns-visible", []]],
  ],
  [
    "the host's pid namespace, without BPF",
    container(runcMounts(), { ns: HOST_PID }),
    [["critical", "proc-host-pidns-visible", []]],
  ],
  [
    "the host's pid namespace in a user namespace",
    container(runcMounts(), { ns: HOST_PID, realRoot: false }),
    [["medium", "proc-host-pidns-visible", []]],
  ],
  [
    "the host's pid namespace, with a procfs of one below it",
    container(runcMounts(), { ns: HOST_PID, superblocks: [superblock("0:40", CHILD_PIDNS)] }),
    [["high", "ns-shared-with-host", []]],
  ],
  [
    "privileged and in the host's pid namespace: two exposures with two remedies",
    container(runcMounts([...MASKS, ...READONLY]), { ns: HOST_PID }),
    [
      ["critical", "proc-host-pidns-visible", []],
      ["critical", "proc-unmasked", ["proc-sys-writable", "proc-mask-missing"]],
    ],
  ],
  [
    "a procfs of a stranger's pid namespace",
    container(runcMounts(), { superblocks: [superblock("0:40", STRANGER_PIDNS)] }),
    [["high", "proc-foreign-pidns-visible", []]],
  ],
  [
    "a procfs of a nested container's pid namespace",
    container(runcMounts(), { superblocks: [superblock("0:40", CHILD_PIDNS)] }),
    [],
  ],
  ["no procfs at all", container(mounts("65 43 254:0 / / rw - ext4 /dev/vda rw")), []],
];

for (const [what, view, expected] of cases) {
  test(what, () => assert.deepEqual(found(view), expected));
}

test("what default masks leave open is one finding of the node", () => {
  const exposures = new Exposures({ rules: DETECTORS, hostProcDev: HOST_PROC_DEV });
  const first = exposures.posture(container(runcMounts(), { id: "a" }));
  assert.deepEqual(
    first.map(({ rule, severity, subject }) => [rule, severity, subject.kind]),
    [
      ["proc-default-gaps", "info", "node"],
      ["ns-default-shared", "info", "node"],
    ],
  );
  assert.match(first[0]!.evidence[0]!.fact, /^\/proc\/kpagecount /);
  assert.deepEqual(exposures.posture(container(runcMounts(), { id: "b" })), []);
});

test("a privileged container says nothing about the defaults, and a user namespace closes the gaps", () => {
  const exposures = new Exposures({ rules: DETECTORS, hostProcDev: HOST_PROC_DEV });
  const privileged = exposures.posture(container(runcMounts([...MASKS, ...READONLY]), { id: "a" }));
  const user = exposures.posture(container(runcMounts(), { id: "b", realRoot: false }));
  assert.equal(
    [...privileged, ...user].some(({ rule }) => rule === "proc-default-gaps"),
    false,
  );
});

test("a command that shows the evidence has nothing in it that the container chose", () => {
  const evil = "90 65 0:21 / /$(reboot)`x`'; rw - proc proc rw";
  const findings = new Exposures({ rules: DETECTORS, hostProcDev: HOST_PROC_DEV }).posture(
    container(runcMounts([], [evil])),
  );
  const checks = findings.flatMap(({ evidence }) => evidence).map(({ check }) => check ?? "");
  assert.ok(checks.length > 0);
  for (const check of checks) assert.doesNotMatch(check, /reboot/);
});
