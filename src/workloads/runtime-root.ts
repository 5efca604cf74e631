import { existsSync, statSync } from "node:fs";
import { HostPath } from "../kernel/host-path.js";
import { readlink } from "../kernel/libc.js";
import { readMountinfo } from "../kernel/mountinfo.js";
import { MountTree } from "../mounts/mount-tree.js";

/**
 * Where the host's files are that runtimes write. An agent in a container of its own has the host's /proc but not its
 * other directories: there it is the root of pid 1, which takes the pid namespace of the host and CAP_SYS_PTRACE
 * (proc_pid_root(5)).
 */
export function runtimeRoot(host: HostPath): HostPath {
  const init = host.proc(1, "root");
  try {
    const [own, its] = [statSync(`${host.path()}/`), statSync(`${init}/`)];
    return own.dev === its.dev && own.ino === its.ino ? host : new HostPath(init);
  } catch {
    return host;
  }
}

/**
 * Whether {@link runtimeRoot} is the host's: then what no runtime has written can still come, as where the first container is
 * yet to be started. An agent in a container that may not follow the root of pid 1 has files of its own alone.
 */
export function isRuntimeRootHosts(host: HostPath): boolean {
  if (existsSync(`${host.proc(1, "root")}/`)) return true;
  const self = readlink(host.proc("self"));
  if (!self.ok) return false;
  const [own, its] = [Number(self.value), 1].map((pid) => {
    const mounts = readMountinfo(host, pid);
    return mounts === null ? null : new MountTree(mounts).lookup("/");
  });
  return own != null && its != null && own.dev === its.dev && own.root === its.root;
}
