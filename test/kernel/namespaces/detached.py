"""Holds a procfs that is mounted nowhere, and a file in it; then one that was mounted and taken away lazily (argument: where).
Prints a line of JSON when it does, and ends with its input."""

import ctypes
import json
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)

# since Linux 5.2 the same on every architecture
SYS_FSOPEN, SYS_FSCONFIG, SYS_FSMOUNT = 430, 431, 432
FSCONFIG_CMD_CREATE = 6
MNT_DETACH = 2


def call(number, *arguments):
    result = libc.syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


context = call(SYS_FSOPEN, b"proc", 0)
call(SYS_FSCONFIG, context, FSCONFIG_CMD_CREATE, None, None, 0)
detached = call(SYS_FSMOUNT, context, 0, 0)
below = os.open("uptime", os.O_RDONLY, dir_fd=detached)
dev = os.fstat(below).st_dev

folder = sys.argv[1].encode()
if libc.mount(b"proc", folder, b"proc", 0, None) != 0:
    raise OSError(ctypes.get_errno(), "mount")
attached = os.open(os.path.join(folder, b"uptime"), os.O_RDONLY)
print(json.dumps({"detached": detached, "below": below, "attached": attached, "dev": f"{os.major(dev)}:{os.minor(dev)}"}), flush=True)
input()
libc.umount2(folder, MNT_DETACH)
print(flush=True)
input()
