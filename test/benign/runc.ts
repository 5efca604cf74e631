import type { RuncScenario } from "./scenario.js";

/** Containers as people run them: none of them exposes anything. */
export const RUNC_SCENARIOS: readonly RuncScenario[] = [
  { name: "the default spec", options: {} },
  { name: "a user namespace", options: { userns: true } },
  {
    name: "another user, without capabilities",
    options: {
      capabilities: [],
      edit: ({ process }) => {
        process.user = { uid: 1000, gid: 1000 };
      },
    },
  },
  {
    name: "the host's network",
    options: {
      edit: ({ linux }) => {
        linux.namespaces = linux.namespaces.filter(({ type }) => type !== "network");
      },
    },
  },
  {
    name: "hidepid on its /proc",
    options: {
      edit: ({ mounts }) => {
        for (const mount of mounts) {
          if (mount.destination === "/proc") mount.options = [...(mount.options ?? []), "hidepid=2"];
        }
      },
    },
  },
  {
    name: "volumes, a tmpfs and the host's directories read-only",
    options: {
      edit: ({ mounts }) => {
        mounts.push(
          { destination: "/cache", type: "tmpfs", source: "tmpfs", options: ["nosuid", "size=1m"] },
          { destination: "/host/etc", type: "bind", source: "/etc", options: ["rbind", "ro", "rslave"] },
          { destination: "/data", type: "bind", source: "/var/tmp", options: ["rbind", "rw"] },
        );
      },
    },
  },
  {
    name: "node-exporter: the host's root and pid namespace, read-only",
    options: {
      capabilities: [],
      edit: ({ linux, mounts, process }) => {
        linux.namespaces = linux.namespaces.filter(({ type }) => type !== "pid");
        mounts.push({ destination: "/host", type: "bind", source: "/", options: ["rbind", "ro", "rslave"] });
        process.user = { uid: 65_534, gid: 65_534 };
      },
    },
    // the host's root has the container's own below it, where its /proc stands without masks
    excepted: ["proc-host-superblock-bound", "proc-host-pidns-visible", "proc-unmasked"],
  },
];
