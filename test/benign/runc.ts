import type { RuncScenario } from "./scenario.js";

/** Containers as people run them. */
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
    excepted: ["ns-shared-with-host"],
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
        for (const [source, destination] of [
          ["/", "/host"],
          ["/proc", "/host/proc"],
          ["/sys", "/host/sys"],
        ] as const) {
          mounts.push({ destination, type: "bind", source, options: ["bind", "ro", "rslave"] });
        }
        process.user = { uid: 65_534, gid: 65_534 };
      },
    },
    excepted: ["proc-host-superblock-bound", "proc-host-pidns-visible"],
  },
];
