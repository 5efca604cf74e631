import { SCHEMA_VERSION } from "../event.js";
import type { MountTable, MountTables } from "../mounts/mount-tables.js";
import type { ProcfsSurvey } from "../mounts/procfs-survey.js";
import type { NamespaceGraph } from "../namespaces/graph.js";
import type { Namespace } from "../namespaces/namespace.js";
import { json, type Reply, type Route } from "./http.js";
import { procfsDocument } from "./procfs-document.js";

/** What the agent knows of the node at this moment. */
export interface InventorySources {
  readonly graph: NamespaceGraph;
  readonly tables: MountTables;
  procfs(): ProcfsSurvey;
}

/**
 * `/v1/namespaces`: every namespace that is held, with `?ended=true` also those that are remembered; `/v1/mounts`: every mount
 * namespace, with `?ns=INODE` the mounts of one; `/v1/procfs`: every procfs instance, as `keyhole procfs -o json` has it.
 */
export function inventoryRoutes({ graph, tables, procfs }: InventorySources): Route[] {
  const reply = (document: object): Reply => json(200, { schema: SCHEMA_VERSION, ...document });
  return [
    {
      path: "/v1/namespaces",
      open: false,
      title: "every namespace as JSON; ?ended=true: those that have ended too",
      handle(_request, url) {
        const ended = url.searchParams.get("ended") === "true";
        const shown = [...graph.all()].filter(({ live }) => live || ended);
        return reply({ namespaces: shown.map((one) => namespaceDocument(one, graph)) });
      },
    },
    {
      path: "/v1/mounts",
      open: false,
      title: "every mount namespace as JSON; ?ns=INODE: the mounts of that one",
      handle(_request, url) {
        const ns = url.searchParams.get("ns");
        if (ns === null) return reply({ mount_namespaces: [...tables.all()].map(tableSummary) });
        const table = /^\d{1,10}$/.test(ns) ? tables.current(Number(ns)) : undefined;
        if (table === undefined)
          return json(404, { error: `no mount namespace ${JSON.stringify(ns)} is known` });
        return reply({ ...tableSummary(table), mounts: table.mounts.map(mountDocument) });
      },
    },
    {
      path: "/v1/procfs",
      open: false,
      title: "every procfs instance as JSON: whose processes it shows, and to whom",
      handle() {
        const { instances, notSeen } = procfs();
        return reply(procfsDocument(instances, notSeen));
      },
    },
  ];
}

function namespaceDocument(one: Namespace, graph: NamespaceGraph) {
  return {
    type: one.type,
    inum: one.inum,
    id: one.id,
    host: graph.isHost(one.type, one.inum),
    init: graph.isInit(one.type, one.inum),
    resolved: one.resolved,
    parent: one.parent?.inum ?? null,
    owner: one.owner?.inum ?? null,
    owner_uid: one.ownerUid,
    level: one.level,
    members: one.members,
    awaiting: one.awaiting,
    fds: one.fds,
    sockets: one.sockets,
    binds: one.binds,
    procfs: one.procfs,
    first_seen: rfc3339(one.firstSeen),
    last_seen: rfc3339(one.lastSeen),
    birth: one.birth && { ...one.birth, time: rfc3339(one.birth.time) },
    death: one.death && { after: rfc3339(one.death.after), before: rfc3339(one.death.before) },
  };
}

function tableSummary({ ns, id, mounts, complete, reason, via }: MountTable) {
  return { ns, id, count: mounts.length, complete, reason, via };
}

function mountDocument({ raw, ...mount }: MountTable["mounts"][number]) {
  if (raw === undefined) return mount;
  const base64 = Object.entries(raw).map(([field, bytes]) => [field, bytes.toString("base64")]);
  return { ...mount, raw: Object.fromEntries(base64) };
}

function rfc3339(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
