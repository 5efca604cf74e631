import assert from "node:assert/strict";
import { type StdioOptions, spawnSync } from "node:child_process";
import { closeSync, cpSync, mkdtempSync, openSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import type { FindingEvent } from "../../../src/event.js";
import { buildProgram, temporaryFolder } from "../../programs/build.js";
import { Agent } from "../capture/agent.js";
import { settle } from "../stories/settle.js";
import { type BundleOptions, Bundles } from "./bundle.js";

interface Row {
  readonly act: readonly string[];
  readonly container?: BundleOptions;
  /** A file that the container inherits as descriptor 3. */
  readonly inherits?: string;
  /** What the program is called in the container. */
  readonly program?: string;
  /** It goes on after the act. */
  readonly stays?: true;
  /** Severity and rule of what is told of the act, in any order. */
  readonly finds: readonly string[];
}

const ADMIN = { capabilities: ["CAP_SYS_ADMIN", "CAP_KILL"] };
const GUEST = ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_CHROOT"];
const HOST_PID = { hostPid: true, capabilities: GUEST };
const HIDEPID: BundleOptions = {
  ...ADMIN,
  edit: ({ mounts }) => {
    const proc = mounts.find(({ destination }) => destination === "/proc");
    assert.ok(proc !== undefined);
    Object.assign(proc, { options: [...(proc.options ?? []), "hidepid=2"] });
  },
};

/** A /dev of the container's own, whose null is a link to a file of procfs: what CVE-2025-31133 comes to without its race. */
const DEV = mkdtempSync(join(tmpdir(), "keyhole-dev-"));
symlinkSync("/proc/version", join(DEV, "null"));
const ASTRAY: BundleOptions = {
  edit: (spec) => {
    spec.mounts = spec.mounts.filter(({ destination }) => !destination.startsWith("/dev"));
    spec.mounts.push({ destination: "/dev", type: "bind", source: DEV, options: ["bind", "rw"] });
  },
};

/** An act in a container by runc, and all that is told of it. */
const ROWS: Readonly<Record<string, Row>> = {
  "a mask is unmounted": {
    ...{ act: ["umount", "/proc/keys"], container: ADMIN },
    finds: ["critical proc-mask-removed"],
  },
  "a read-only path is made writable": {
    ...{ act: ["remount", "/proc/sys"], container: ADMIN },
    finds: ["critical proc-remount-writable"],
  },
  "a procfs is mounted": {
    ...{ act: ["fresh"], container: ADMIN },
    finds: ["high proc-mount-in-container"],
  },
  "a procfs is mounted by a program that bears a runtime's name": {
    ...{ act: ["fresh"], container: ADMIN, program: "runc" },
    finds: ["high proc-mount-in-container"],
  },
  "a detached procfs is kept over an exec": {
    ...{ act: ["detached"], container: ADMIN, stays: true },
    finds: ["high proc-detached-mount", "high proc-mount-in-container"],
  },
  "a detached procfs is held": {
    ...{ act: ["held"], container: ADMIN, stays: true },
    finds: ["high proc-detached-mount", "high proc-mount-in-container"],
  },
  "pidns= of its own": {
    ...{ act: ["pidns", "/proc/self/ns/pid"], container: ADMIN },
    finds: ["medium proc-pidns-option"],
  },
  "pidns= of the host's pid namespace": {
    ...{ act: ["refused-pidns", "3"], container: ADMIN, inherits: "/proc/self/ns/pid" },
    finds: ["medium proc-pidns-option"],
  },
  "hidepid is weakened through a bind": {
    ...{ act: ["reconfigure", "/proc/tty", "hidepid=off"], container: HIDEPID },
    finds: ["medium proc-hidepid-weakened"],
  },
  "a procfs gets another subset": {
    ...{ act: ["reconfigure", "/proc/tty", "subset=pid"], container: ADMIN },
    finds: ["low proc-subset-changed"],
  },
  "a mount namespace is asked of open_tree": {
    ...{ act: ["refused-namespace"], container: ADMIN },
    finds: ["low mntns-created-by-fd"],
  },
  "setns into the host's mount namespace": {
    ...{ act: ["setns", "3"], container: { capabilities: GUEST }, inherits: "/proc/self/ns/mnt" },
    finds: ["critical ns-enter-host"],
  },
  "setns into the host's network namespace": {
    ...{ act: ["setns", "3"], container: ADMIN, inherits: "/proc/self/ns/net" },
    finds: ["high ns-enter-host"],
  },
  "setns into the host's host name": {
    ...{ act: ["setns", "3"], container: ADMIN, inherits: "/proc/self/ns/uts" },
    finds: ["medium ns-enter-host"],
  },
  "setns without the capability": {
    ...{ act: ["refused-setns", "3"], inherits: "/proc/self/ns/mnt" },
    finds: ["low ns-enter-host"],
  },
  "setns by pidfd of a process of the host": {
    ...{ act: ["pidfd", String(process.pid)], container: HOST_PID },
    finds: ["critical ns-enter-pidfd-foreign"],
  },
  "setns by pidfd into four namespaces of the host": {
    ...{ act: ["pidfd-all", String(process.pid)], container: HOST_PID },
    finds: ["critical ns-enter-composite"],
  },
  "a user namespace is made": { act: ["userns"], finds: ["low userns-unshare-in-container"] },
  "a user namespace is made and mounted in": {
    act: ["userns-mount"],
    finds: ["low userns-unshare-in-container", "medium userns-unshare-in-container"],
  },
  "an overlay is mounted in a user namespace": {
    act: ["userns-overlay"],
    finds: [
      ...["low userns-unshare-in-container", "medium userns-unshare-in-container"],
      "medium userns-overlay-mount",
    ],
  },
  "a procfs is refused to a user namespace": {
    act: ["nested"],
    finds: ["low proc-nested-mount-refused", "low userns-unshare-in-container"],
  },
  "a runtime finds a link in the place of /dev/null": {
    ...{ act: ["nothing"], container: ASTRAY },
    finds: ["critical dev-null-tampered"],
  },
  nothing: { act: ["wait"], container: ADMIN, stays: true, finds: [] },
};

const PREFIX = `keyhole-acts-${process.pid}`;

describe("acts in containers by runc", () => {
  const program = buildProgram("acts.c", ["-static"]);
  const renamed = temporaryFolder();
  let agent: Agent;
  let bundles: Bundles;

  before(async () => {
    bundles = new Bundles();
    agent = await Agent.start(["--inventory-interval", "1s"]);
  });

  after(async () => {
    bundles[Symbol.dispose]();
    rmSync(DEV, { recursive: true });
    assert.equal(await agent.stop(), 0);
  });

  const findings = (id: string) =>
    agent.events.filter(
      (event): event is FindingEvent => event.type === "finding" && event.subject.id === id,
    );
  const acts = (id: string) => findings(id).filter(({ kind }) => kind === "act");

  /** Severity and rule of each act that was told of container `id`, each once. */
  const told = (id: string) =>
    [...new Set(acts(id).map(({ severity, rule }) => `${severity} ${rule}`))].sort();

  for (const [number, [name, row]] of Object.entries(ROWS).entries()) {
    it(name, async () => {
      const id = `${PREFIX}-${number}`;
      // what it lacks from the start shows when it was looked at: masks that were never seen cannot be missed
      const programs = [join(renamed, row.program ?? "acts")];
      cpSync(program, programs[0]!);
      bundles.run(id, { ...row.container, programs, withoutMasks: ["/proc/timer_list"] });
      await agent.until("a look at it", () =>
        findings(id).some(({ kind, state }) => kind === "posture" && state === "open"),
      );

      runAct(id, row);
      await settle(agent);
      await agent.until(`${row.finds.join(", ")} (told: ${told(id).join(", ")})`, () =>
        row.finds.every((one) => told(id).includes(one)),
      );
      assert.deepEqual(told(id), [...row.finds].sort());
      for (const { subject, evidence } of acts(id)) {
        assert.equal(subject.kind, "container");
        assert.ok(evidence.length > 0);
      }
      bundles.stop(id);
    });
  }

  it("a program of the host enters a container", async () => {
    const id = `${PREFIX}-entered`;
    const pid = bundles.run(id, { programs: [program] });
    const { status } = spawnSync("nsenter", [
      "--mount",
      "--uts",
      "--target",
      String(pid),
      "/acts",
      "nothing",
    ]);
    assert.equal(status, 0);
    await settle(agent);
    await agent.until("the finding", () => told(id).length > 0);
    assert.deepEqual(told(id), ["info ns-enter-container"]);
    bundles.stop(id);
  });

  function runAct(id: string, { act, inherits, stays, program: name = "acts" }: Row): void {
    const fd = inherits === undefined ? null : openSync(inherits, "r");
    const options = [
      ...(stays === true ? ["--detach"] : []),
      ...(fd === null ? [] : ["--preserve-fds", "1"]),
    ];
    const stdio: StdioOptions = [
      "ignore",
      "ignore",
      stays === true ? "ignore" : "pipe",
      ...(fd === null ? [] : [fd]),
    ];
    try {
      const { status, stderr } = spawnSync("runc", ["exec", ...options, id, `/${name}`, ...act], { stdio });
      assert.equal(status, 0, String(stderr));
    } finally {
      if (fd !== null) closeSync(fd);
    }
  }
});
