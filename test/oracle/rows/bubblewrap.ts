import { rows } from "./row.js";

const SYSTEM =
  "--ro-bind /usr /usr --symlink usr/bin /bin --symlink usr/sbin /sbin --symlink usr/lib /lib --symlink usr/lib64 /lib64";

/** Options beside a sandbox that sees all of this system. */
const OPTIONS = [
  "--unshare-user",
  "--unshare-user-try",
  "--unshare-ipc",
  "--unshare-pid",
  "--unshare-net",
  "--unshare-uts --hostname sandbox",
  "--unshare-cgroup",
  "--unshare-cgroup-try",
  "--unshare-all",
  "--unshare-all --share-net",
  "--unshare-user --uid 7 --gid 7",
  "--unshare-user --disable-userns",
  "--unshare-pid --as-pid-1",
  "--proc /proc",
  "--dev /dev",
  "--dev /dev --mqueue /dev/mqueue",
  "--tmpfs /tmp --chdir /tmp",
  "--size 65536 --perms 0700 --tmpfs /tmp",
  "--tmpfs /tmp --dir /tmp/new --remount-ro /tmp",
  "--bind-try /missing /tmp --ro-bind-try /etc /tmp",
  "--dev-bind /dev /dev --dev-bind-try /missing /dev",
  "--die-with-parent --new-session",
];

/** bwrap(1) with every option that makes one of the calls. */
export const BUBBLEWRAP = rows([
  ["bwrap --bind / / true"],
  ["bwrap --ro-bind / / true"],
  ["bwrap of /usr alone", `bwrap --unshare-all ${SYSTEM} --proc /proc --dev /dev --tmpfs /tmp true`],
  ...OPTIONS.map((options) => [`bwrap ${options}`, `bwrap --bind / / ${options} true`] as const),
  ["bwrap --bind-fd --ro-bind-fd", "bwrap --bind / / --bind-fd 3 /tmp --ro-bind-fd 4 /srv true 3< a 4< b"],
  [
    "bwrap --file --bind-data --ro-bind-data",
    `bwrap ${SYSTEM} --file 3 /f --bind-data 4 /g --ro-bind-data 5 /h true 3< /etc/hosts 4< /etc/hosts 5< /etc/hosts`,
  ],
  ["bwrap --userns", "target -U -r; bwrap --userns 3 --bind / / true 3< /proc/$t/ns/user; release"],
  ["bwrap --pidns", "target -p; bwrap --pidns 3 --unshare-pid --bind / / true 3< /proc/$t/ns/pid; release"],
  [
    "bwrap --info-fd --block-fd",
    "echo > f; bwrap --unshare-all --bind / / --info-fd 3 --block-fd 4 true 3> info 4< f",
  ],
  [
    "bwrap without privilege",
    "setpriv --reuid=65534 --regid=65534 --clear-groups bwrap --unshare-all --bind / / true",
  ],
  [
    "bwrap of what is not there",
    "! bwrap --bind /missing / true; ! bwrap --bind / / --bind /missing /tmp true",
  ],
]);
