import type { ProcfsInstance } from "../mounts/procfs-instances.js";
import type { ProcfsPlace } from "../mounts/procfs-places.js";

/**
 * What `keyhole procfs --output json` prints of instances, and what the API gives. Names are those of events; times are
 * RFC 3339.
 */
export function procfsDocument(
  instances: readonly ProcfsInstance[],
  notSeen: readonly { readonly what: string; readonly reason: string }[],
) {
  return {
    complete: notSeen.length === 0,
    not_seen: notSeen,
    instances: instances.map((one) => ({
      dev: one.dev,
      pid_ns: one.pidNs,
      pid_level: one.pidLevel,
      user_ns: one.userNs,
      hidepid: one.hidepid,
      gid: one.gid,
      subset: one.subset,
      first_seen: new Date(one.firstSeen).toISOString(),
      story: one.story,
      private: one.private,
      host: one.host,
      keeper: one.keeper,
      places: one.places.map(placeDocument),
      holders: one.holders,
    })),
  };
}

function placeDocument(place: ProcfsPlace) {
  return {
    mnt_ns: place.mntNs,
    id: place.uniqueId,
    old_id: place.mountId,
    path: place.path,
    root: place.root,
    readonly: place.readonly,
    covered: place.covered,
    covers: place.covers.map(({ path, kind, fsType }) => ({ path, kind, fs_type: fsType })),
    propagation: place.propagation,
    viewers: place.viewers.map(({ container, processes, first }) => ({
      container,
      processes,
      first: { pid: first.pid, comm: first.comm, exe: first.exe },
    })),
  };
}
