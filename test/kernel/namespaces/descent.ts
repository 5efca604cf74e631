import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { requireRoot, stop } from "./nested.js";

export interface Descent {
  /** Host pids of the first process of each pid namespace, the outermost first. */
  readonly inits: readonly number[];
  /** What the innermost process says of itself. */
  readonly inside: { readonly pid: number; readonly uid: number; readonly gid: number };
  stop(): Promise<void>;
}

/**
 * Each level is a user namespace whose id 0 is the 1000 of the one above it (100000 of the host's), with a pid namespace.
 * Some pids are used up first, so that no two levels have the same number. The host's /proc tells each its host pid.
 */
const PROGRAM = `
import ctypes, os, signal, sys
libc = ctypes.CDLL(None)
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, NEWUSER, NEWPID = 1, 4, 0x10000000, 0x20000000

def settle():  # a change of credentials resets both
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL); libc.prctl(PR_SET_DUMPABLE, 1)

def use_up(count):
    for _ in range(count):
        pid = os.fork()
        if pid == 0: os._exit(0)
        os.waitpid(pid, 0)

def descend(level, inits):
    if level == int(sys.argv[1]):
        os.setresgid(20, 20, 20); os.setresuid(10, 10, 10); settle()
        os.write(1, f"{os.getpid()} {os.getuid()} {os.getgid()} {' '.join(inits)}\\n".encode())
        signal.pause()
    use_up(level * 3)
    ready, mapped = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        assert libc.unshare(NEWUSER | NEWPID) == 0
        settle()
        os.write(ready[1], os.readlink("/proc/self").encode())
        os.read(mapped[0], 1)
        os.setresgid(0, 0, 0); os.setresuid(0, 0, 0); settle()
        init = os.fork()
        if init == 0:
            settle()
            descend(level + 1, [*inits, os.readlink("/proc/self")])
        os.waitpid(init, 0); os._exit(0)
    host_pid = os.read(ready[0], 20).decode()
    first, count = (100000, 60000) if level == 0 else (1000, 60000 - level * 1000)
    for kind in ("uid", "gid"):
        open(f"/proc/{host_pid}/{kind}_map", "w").write(f"0 {first} {count}\\n")
    os.write(mapped[1], b"x")
    os.waitpid(child, 0)
    os._exit(0)

settle()
descend(0, [])
`;

/** User and pid namespaces, `depth` deep; the innermost process has uid 10 and gid 20 there. */
export async function descend(depth: number): Promise<Descent> {
  requireRoot();
  const child = spawn("python3", ["-c", PROGRAM, String(depth)], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = (await once(child.stdout!, "data")) as [Buffer];
  const [pid, uid, gid, ...inits] = line.toString().trim().split(" ").map(Number);
  if (inits.length !== depth) await stop(child);
  assert.equal(inits.length, depth, line.toString());
  return {
    inits,
    inside: { pid: pid!, uid: uid!, gid: gid! },
    stop: () => stop(child),
  };
}
