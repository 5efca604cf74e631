import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cachePath } from "../../scripts/cache.js";
import { apt, DEBIAN_KEYRING, debianMirror } from "../../scripts/debian.js";
import { findExecutable } from "../../scripts/packages.js";
import { PRELUDE, type Row } from "./rows/row.js";

/** The release whose util-linux mounts by the calls that Linux has since 5.2. */
const RELEASE = "trixie";

/** What the rows call. They would bring an init system and services to this machine, hence a root of their own. */
const PACKAGES = [
  "bubblewrap",
  "buildah",
  "busybox-static",
  "crun",
  "iproute2",
  "lxc",
  "mount",
  "netavark",
  "podman",
  "procps",
  "runc",
  "systemd-container",
  "uidmap",
];

const INSTALL = `
mount -t proc proc "$1/proc"
chroot "$1" apt-get -qq update
exec chroot "$1" apt-get -qq -o Dpkg::Use-Pty=0 install --no-install-recommends ${PACKAGES.join(" ")}
`;

/**
 * A Debian root with the tools of the suite, made by debootstrap(8) and apt once and kept in the user's cache. Takes
 * minutes where there is none. Throws where it cannot be made.
 */
export function debianRoot(): string {
  const path = cachePath(`oracle-${RELEASE}-${process.arch}`);
  if (existsSync(path)) return path;
  const debootstrap = findExecutable("debootstrap");
  if (debootstrap === undefined) throw new Error("debootstrap is missing; run: node scripts/system.js test");
  process.stderr.write(
    `oracle: making a Debian ${RELEASE} with ${PACKAGES.join(", ")}, once: some minutes\n`,
  );
  const unfinished = `${path}.new`;
  execFileSync("rm", ["-rf", "--one-file-system", unfinished]);
  mkdirSync(unfinished, { recursive: true });
  const options = ["--variant=minbase", `--keyring=${DEBIAN_KEYRING}`];
  apt(debootstrap, [...options, RELEASE, unfinished, debianMirror()]);
  copySettings(unfinished);
  apt("unshare", ["--mount", "--propagation", "private", "sh", "-euc", INSTALL, "sh", unfinished]);
  renameSync(unfinished, path);
  return path;
}

/** How this machine reaches the mirror. */
function copySettings(root: string): void {
  for (const file of ["/etc/resolv.conf", "/etc/hosts"]) {
    if (existsSync(file)) copyFileSync(file, join(root, file));
  }
  const settings = apt("apt-config", ["dump"])
    .split("\n")
    .filter((line) => /^Acquire::(Check-|ForceIPv|Retries|https?::)/.test(line));
  writeFileSync(join(root, "etc/apt/apt.conf.d/00host"), `${settings.join("\n")}\n`);
}

/**
 * Enters the root at $1, of which what is written goes to a tmpfs on the folder $0, and runs the script $2 as the first
 * process of a pid namespace, in a cgroup of its own below the unified hierarchy: what the tools leave behind there is
 * removed after it.
 */
const ENTER = `
mount -t tmpfs scratch "$0"
cd "$0"
mkdir upper work root cgroup
mount -t overlay -o "lowerdir=$1,upperdir=upper,workdir=work" overlay root
mount -t cgroup2 cgroup2 cgroup
group=cgroup/keyhole-row-$$
mkdir $group
(
  read -r self rest < /proc/self/stat
  echo $self > $group/cgroup.procs
  cd root
  exec unshare --mount --cgroup --pid --fork sh -euc '
    for dir in sys dev; do mount --rbind /$dir $dir; done
    mount -t proc proc proc
    mount -t tmpfs run run
    mount -t tmpfs tmp tmp
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    pivot_root . mnt
    umount -l mnt
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 sh -euc "$0" /mnt
  ' "$2"
) && status=0 || status=$?
find $group -depth -type d -exec rmdir {} +
exit $status
`;

/** The command that runs `row` in a Debian root, with the empty directory `folder` for what it writes. */
export function commandInRoot(root: string): (row: Row, folder: string) => readonly string[] {
  return (row, folder) => {
    const enter = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", ENTER];
    return [...enter, folder, root, `${PRELUDE}${row.script}`];
  };
}
