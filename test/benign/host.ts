import { type Row, rows } from "../oracle/rows/row.js";

/** Mounts a fresh procfs as systemd does for a unit with ProtectProc= and ProcSubset=, and runs something below it. */
function protectProc(options: string): string {
  return `unshare --mount sh -euc 'mount --make-rslave /; mount -t proc -o nosuid,nodev,noexec,${options} proc /proc; read -r line < /proc/self/stat; sleep 0.3'`;
}

/** What units with sandboxing options do to mounts, by a script where no systemd runs. */
export const SYSTEMD_CALLS: readonly Row[] = rows([
  ["ProtectProc=invisible", protectProc("hidepid=invisible")],
  ["ProtectProc=noaccess", protectProc("hidepid=noaccess")],
  ["ProtectProc=ptraceable ProcSubset=pid", protectProc("hidepid=ptraceable,subset=pid")],
  [
    "ProtectKernelTunables=yes",
    "unshare --mount sh -euc 'mount --make-rslave /; for path in /proc/sys /proc/irq /sys; do mount --bind $path $path; mount -o remount,bind,ro $path; done; sleep 0.3'",
  ],
  [
    "PrivateTmp=yes ProtectHome=yes",
    "unshare --mount sh -euc 'mount --make-rslave /; mkdir -p b/t; mount --bind b/t /tmp; mount -t tmpfs -o ro,mode=000 none /root; sleep 0.3'",
  ],
  ["PrivateNetwork=yes PrivateIPC=yes ProtectHostname=yes", "unshare --mount --net --ipc --uts sleep 0.3"],
  ["PrivateUsers=yes", "unshare --mount --user --map-root-user sleep 0.3"],
]);

/** The same by systemd itself. */
export const SYSTEMD_UNITS: readonly Row[] = rows(
  [
    ...["invisible", "noaccess", "ptraceable"].map((one) => `ProtectProc=${one}`),
    "ProcSubset=pid",
    "ProtectKernelTunables=yes",
    "PrivateTmp=yes",
    "PrivateUsers=yes",
    "PrivateNetwork=yes",
  ].map((option) => [option, `systemd-run --quiet --wait --pipe -p ${option} true`]),
);

const NETNS = "keyhole-benign-$$";

/** What network plugins and whoever looks into a pod's network do: they enter network namespaces, and come back. */
export const CNI: readonly Row[] = rows([
  ["ip netns exec", `ip netns add ${NETNS}; ip netns exec ${NETNS} true; ip netns del ${NETNS}`],
  [
    "nsenter --net by a file",
    `ip netns add ${NETNS}; nsenter --net=/run/netns/${NETNS} true; ip netns del ${NETNS}`,
  ],
  ["nsenter --net of a process", "target --net; nsenter -t $t --net true; release"],
  [
    "a thread that enters and returns, as Go plugins do",
    `target --net; python3 -c '
import ctypes, os, sys, threading
libc = ctypes.CDLL(None, use_errno=True)
def enter():
    own = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    for fd in (os.open("/proc/%s/ns/net" % sys.argv[1], os.O_RDONLY), own):
        if libc.setns(fd, 0x40000000) != 0:
            os._exit(1)
thread = threading.Thread(target=enter)
thread.start()
thread.join()
' $t; release`,
  ],
]);
