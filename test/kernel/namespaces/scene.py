"""Makes namespaces of all sorts; see scene.ts. Arguments: a folder with the files net and uts and the folder proc, and
how many user and pid namespaces are to stand in each other."""

import ctypes
import json
import os
import signal
import socket
import sys
import threading
import traceback

libc = ctypes.CDLL(None, use_errno=True)

# CLONE_NEW* of include/uapi/linux/sched.h
NEW = {
    "mnt": 0x20000,
    "uts": 0x4000000,
    "ipc": 0x8000000,
    "user": 0x10000000,
    "pid": 0x20000000,
    "net": 0x40000000,
}
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
PR_SET_PDEATHSIG = 1

folder, depth = sys.argv[1], int(sys.argv[2])


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def unshare(*kinds):
    check(libc.unshare(sum(NEW[kind] for kind in kinds)))
    # new credentials take that away
    die_with_parent()


def die_with_parent():
    check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0))


def map_root():
    """Without a mapping nobody may make another user namespace below."""
    for name, text in (("setgroups", "deny"), ("uid_map", "0 0 1"), ("gid_map", "0 0 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def mount(source, target, kind=None, flags=0):
    source, target, kind = (text and text.encode() for text in (source, target, kind))
    check(libc.mount(source, target, kind, ctypes.c_ulong(flags), None))


def inum(kind, task="self"):
    return os.stat(f"/proc/{task}/ns/{kind}").st_ino


class Child:
    """A process that runs run(told), where told() waits until it is told to go on, sends its result, and waits again."""

    def __init__(self, run):
        read, write = os.pipe()
        wait, self.tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self.tell)
            die_with_parent()
            status = 1
            try:
                os.write(write, json.dumps(run()).encode() + b"\n")
                os.read(wait, 1)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(write)
        os.close(wait)
        with os.fdopen(read) as result:
            self.result = json.loads(result.readline())

    def end(self):
        os.close(self.tell)
        os.waitpid(self.pid, 0)


def nest(level):
    """What is made in a new user and a new pid namespace, and below it in the next."""

    def in_both():
        below = Child(lambda: nest(level - 1)).result if level > 1 else []
        return [{"pid": inum("pid"), "user": inum("user")}, *below]

    def in_user():
        unshare("user", "pid")
        map_root()
        return Child(in_both).result

    return Child(in_user).result


def bound():
    def make():
        unshare("net")
        return inum("net")

    maker = Child(make)
    mount(f"/proc/{maker.pid}/ns/net", f"{folder}/net", flags=MS_BIND)
    maker.end()
    return maker.result


def privately():
    unshare("mnt")
    mount(None, "/", flags=MS_REC | MS_PRIVATE)

    def make():
        unshare("uts")
        return inum("uts")

    maker = Child(make)
    mount(f"/proc/{maker.pid}/ns/uts", f"{folder}/uts", flags=MS_BIND)
    maker.end()

    def show():
        mount("proc", f"{folder}/proc", "proc")
        return inum("pid")

    def in_pid():
        unshare("pid")
        first = Child(show)
        first.end()
        return first.result

    shower = Child(in_pid)
    shower.end()
    return {"uts": maker.result, "pid": shower.result, "mnt": inum("mnt")}


def opened():
    def make():
        unshare("user", "net", "ipc")
        return {kind: inum(kind) for kind in ("net", "ipc", "user")}

    maker = Child(make)
    fds = [os.open(f"/proc/{maker.pid}/ns/{kind}", os.O_RDONLY) for kind in ("net", "ipc")]
    maker.end()
    return maker.result, fds


def in_socket():
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    unshare("net")
    found, held = inum("net"), socket.socket()
    check(libc.setns(own, 0))
    os.close(own)
    return found, held


def in_thread():
    found = {}
    ready = threading.Event()

    def elsewhere():
        unshare("uts")
        tid = threading.get_native_id()
        found.update(pid=os.getpid(), tid=tid, uts=inum("uts", f"self/task/{tid}"))
        ready.set()
        threading.Event().wait()

    threading.Thread(target=elsewhere, daemon=True).start()
    ready.wait()
    return found


nested = nest(depth)
bound_net = bound()
private = Child(privately)
opened_namespaces, fds = opened()
socket_net, held = in_socket()
scene = {
    "nested": nested,
    "bound": bound_net,
    "private": private.result,
    "opened": opened_namespaces,
    "socket": socket_net,
    "thread": in_thread(),
}
print(json.dumps(scene), flush=True)
for line in sys.stdin:
    if line == "close\n":
        held.close()
        for fd in fds:
            os.close(fd)
    elif line == "unmount\n":
        # with its last process the mount namespace ends, and all that it holds
        private.end()
    print("done", flush=True)
