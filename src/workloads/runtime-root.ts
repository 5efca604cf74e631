import { statSync } from "node:fs";
import { HostPath } from "../kernel/host-path.js";

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
