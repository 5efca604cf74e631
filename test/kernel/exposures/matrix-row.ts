import { execFileSync } from "node:child_process";
import type { BundleOptions, Spec } from "./bundle.js";

/** A container, and what has to be found of it: nothing more, nothing less. */
export interface Row {
  readonly name: string;
  readonly options: BundleOptions;
  /** What is done to it from the host while it runs; called with the pid of its first process. */
  readonly after?: (pid: number) => void;
  /** The row whose pid namespace it joins, which comes before it. */
  readonly joins?: string;
  readonly finds: readonly Finds[];
}

/** Severity and rule of a finding, and what its evidence has to name. */
export type Finds = readonly [severity: string, rule: string, names?: string];

/** `/proc/keys` as a part of a container's name. */
export function nameOf(path: string): string {
  return path.slice(1).replaceAll("/", "-");
}

/** Another mount in the specification. */
export function withMount(destination: string, type: string, source: string, options: readonly string[]) {
  return ({ mounts }: Spec) => {
    mounts.push({ destination, type, source, options });
  };
}

/** Runs some mount(2) and umount2(2) in the mount namespace of a process, as its container's root could. */
export function inMounts(calls: string): (pid: number) => void {
  return (pid) => {
    const lines = [
      "import ctypes, os, sys",
      "libc = ctypes.CDLL(None, use_errno=True)",
      "def check(result, what):",
      "    if result != 0: sys.exit(what + ': ' + os.strerror(ctypes.get_errno()))",
      "def mount(fs, point): check(libc.mount(fs.encode(), point.encode(), fs.encode(), 0, None), point)",
      "def readonly(point): check(libc.mount(None, point.encode(), None, 0x1021, None), point)",
      "def bind(source, point, ro=False):",
      "    check(libc.mount(source.encode(), point.encode(), None, 0x1000, None), point)",
      "    if ro: readonly(point)",
      "def umount(point): check(libc.umount2(point.encode(), 0), point)",
      `check(libc.setns(os.open('/proc/${pid}/ns/mnt', 0), 0), 'setns')`,
      calls,
    ];
    execFileSync("python3", ["-c", lines.join("\n")], { stdio: ["ignore", "inherit", "inherit"] });
  };
}
