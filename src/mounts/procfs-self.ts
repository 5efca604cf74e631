import { HostPath } from "../kernel/host-path.js";
import { readlink } from "../kernel/libc.js";
import type { Mount } from "../kernel/mountinfo.js";
import { readNamespaceLink } from "../kernel/nsfs.js";
import { INIT_PID_NS } from "../kernel/privileges.js";
import type { MountTree } from "./mount-tree.js";
import type { ProcfsPlace } from "./procfs-places.js";

/** The agent's own files, wherever the host's root is mounted. */
const OWN = new HostPath();

/** Filesystems that answer when somebody else does, which can be never. */
const SERVED = /^(?:fuse|nfs|cifs|smb|9p|ceph|afs|autofs|virtiofs|lustre|glusterfs|ocfs2|gfs2)/;

/**
 * Whose processes a procfs shows, without asking the kernel's own list: its `self` is the reader's pid, which only an
 * instance of the reader's pid namespace, or of one above it, has (proc_self_get_link() of fs/proc/self.c).
 *
 * Asked of mounts in the agent's own mount namespace only (`tree` is its table), and only where no file system on the way
 * could hang; from the initial pid namespace only, above which there is no other. Null everywhere else.
 */
export function pidNsBySelf(place: ProcfsPlace, tree: MountTree | null): number | null {
  if (tree === null || place.covered || place.root !== "/" || !isOwn(place.mntNs)) return null;
  const pidNs = readNamespaceLink(OWN.proc("self", "ns", "pid"));
  if (!pidNs.ok || pidNs.value !== INIT_PID_NS) return null;
  if (!isLocal(place.path, tree)) return null;
  const self = readlink(`${place.path === "/" ? "" : place.path}/self`);
  return self.ok && /^\d+$/.test(self.value) ? INIT_PID_NS : null;
}

function isOwn(mntNs: number): boolean {
  const own = readNamespaceLink(OWN.proc("self", "ns", "mnt"));
  return own.ok && own.value === mntNs;
}

/** Whether none of the mounts that lead to `path` is served by another program or machine. */
function isLocal(path: string, tree: MountTree): boolean {
  const byId = new Map(tree.mounts.map((mount) => [mount.id, mount]));
  let mount: Mount | null | undefined = tree.lookup(path);
  for (let depth = 0; mount && depth < tree.mounts.length; depth++) {
    if (SERVED.test(mount.fsType)) return false;
    const parent = byId.get(mount.parent);
    if (parent === undefined || parent === mount) return true;
    mount = parent;
  }
  return false;
}
