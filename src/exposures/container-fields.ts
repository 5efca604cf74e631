import { LINK_INDEX, NS_TYPES } from "../kernel/links.js";
import type { PseudoView } from "../mounts/pseudo-view.js";
import type { ContainerProcfs, ContainerView } from "./container-view.js";
import { type Field, type Fields, fieldsOf, tableOf, within } from "./field.js";
import type { Exposure } from "./rule.js";
import { containerRefFields } from "./shared-fields.js";

/** What the fields of a container are read from. Null: the exposure is not known yet. */
export interface ContainerSource {
  readonly view: ContainerView;
  readonly exposure: Exposure | null;
}

const VIEW: readonly Field<ContainerView>[] = [
  ...fieldsOf<ContainerView>([
    ["container.realroot", "bool", "a uid of the container is the host's root", ({ realRoot }) => realRoot],
    ["container.sysadmin", "bool", "its first process has CAP_SYS_ADMIN", ({ sysAdmin }) => sysAdmin],
    [
      "process.pid",
      "int",
      "process that stands for the container, in the initial pid namespace",
      ({ task }) => task.pid,
    ],
    ["process.uid", "int", "its effective uid in the initial user namespace", ({ task }) => task.uid],
    [
      "process.exe",
      "string",
      "path of its executable as its mount namespace names it",
      ({ task }) => task.exe,
    ],
    ["process.comm", "string", "its name, which it chooses itself", ({ task }) => task.comm],
    ["procfs.count", "int", "how many procfs mounts it can reach", ({ procfs }) => procfs.length],
    ["procfs.points", "list", "where they are", ({ procfs }) => procfs.map(({ point }) => point)],
    [
      "procfs.writable",
      "list",
      "where those are that are not read-only",
      ({ procfs }) => procfs.filter(({ readonly }) => !readonly).map(({ point }) => point),
    ],
    [
      "procfs.host",
      "list",
      "where those are that are the host's own /proc",
      ({ procfs }) => procfs.filter(({ isHosts }) => isHosts === true).map(({ point }) => point),
    ],
    [
      "procfs.shows",
      "list",
      "whose processes each of them shows: own, host, foreign or unknown",
      ({ procfs }) => procfs.map(({ shows }) => shows),
    ],
    ["sysfs.count", "int", "how many sysfs mounts it can reach", ({ sysfs }) => sysfs.length],
    ["sysfs.points", "list", "where they are", ({ sysfs }) => sysfs.map(({ point }) => point)],
    [
      "sysfs.writable",
      "list",
      "where those are that are not read-only",
      ({ sysfs }) => sysfs.filter(({ readonly }) => !readonly).map(({ point }) => point),
    ],
  ]),
  ...NS_TYPES.flatMap((type) =>
    fieldsOf<ContainerView>(
      [
        [
          "inum",
          "int",
          `inode number of the container's ${type} namespace`,
          ({ task }) => task.ns[LINK_INDEX[type]] || null,
        ],
        [
          "host",
          "bool",
          `the container is in the host's ${type} namespace`,
          ({ task, hostNs }) => {
            const inum = task.ns[LINK_INDEX[type]];
            return !inum || !hostNs[LINK_INDEX[type]] ? null : inum === hostNs[LINK_INDEX[type]];
          },
        ],
      ],
      `ns.${type}.`,
    ),
  ),
];

const AT_PLACE: readonly Field<PseudoView | ContainerProcfs>[] = fieldsOf<PseudoView | ContainerProcfs>(
  [
    [
      "root",
      "string",
      "what the mount at that place shows: `/`, or the path that was bound",
      ({ root }) => root,
    ],
    ["readonly", "bool", "the mount at that place is read-only", ({ readonly }) => readonly],
    [
      "is_host",
      "bool",
      "the mount at that place is the host's own /proc",
      (view) => ("isHosts" in view ? view.isHosts : null),
    ],
    [
      "shows",
      "string",
      "whose processes it shows: own, host, foreign or unknown",
      (view) => ("shows" in view ? view.shows : null),
    ],
  ],
  "place.",
);

/** The fields of a container at one moment. */
export const CONTAINER_FIELDS: Fields<ContainerSource> = tableOf<ContainerSource>([
  ...within(({ view }: ContainerSource) => view.container, containerRefFields()),
  ...within(({ view }: ContainerSource) => view, VIEW),
  ...fieldsOf<ContainerSource>([
    [
      "place",
      "string",
      "what is exposed: a mount point for most rules; for exceptions",
      ({ exposure }) => exposure?.place,
    ],
  ]),
  ...within(mountAtPlace, AT_PLACE),
]);

/** The procfs or sysfs mount at the place of the exposure, or above it. */
function mountAtPlace({ view, exposure }: ContainerSource): PseudoView | ContainerProcfs | null {
  if (exposure === null) return null;
  const { place } = exposure;
  let nearest: PseudoView | ContainerProcfs | null = null;
  for (const one of [...view.procfs, ...view.sysfs]) {
    if (place !== one.point && !place.startsWith(`${one.point}/`)) continue;
    if (nearest === null || one.point.length > nearest.point.length) nearest = one;
  }
  return nearest;
}
