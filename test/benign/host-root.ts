import { PRELUDE, type Row } from "../oracle/rows/row.js";

/**
 * Puts the programs of the root at $1 in the place of this system's, in a mount namespace that has the host's own root
 * still: whoever runs there is a process of the host, which pivot_root(2) and chroot(2) would change. What is written goes
 * to a tmpfs on the folder $0. It is in a cgroup of its own below the unified hierarchy; what the tools leave behind there
 * is removed after it.
 */
const ENTER = `
mount -t tmpfs scratch "$0"
mkdir "$0/work" "$0/cgroup" "$0/folder"
mount -t cgroup2 cgroup2 "$0/cgroup"
group=$0/cgroup/keyhole-benign-$$
mkdir $group
pivot=$0/cgroup/lxc.pivot
if [ -e $pivot ]; then pivot=; fi
for dir in usr etc var; do
  mkdir -p "$0/work/$dir/upper" "$0/work/$dir/work"
  mount -t overlay -o "lowerdir=$1/$dir,upperdir=$0/work/$dir/upper,workdir=$0/work/$dir/work" overlay /$dir
done
mount -t tmpfs run /run
(
  read -r self rest < /proc/self/stat
  echo $self > $group/cgroup.procs
  exec unshare --mount --propagation private sh -euc '
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 sh -euc "$0" "$1"
  ' "$2" "$0/folder"
) && status=0 || status=$?
if [ -n "$pivot" ] && [ -e $pivot ]; then rmdir $pivot; fi
for try in 1 2 3 4 5 6 7 8 9 10; do
  find $group -name cgroup.procs -exec cat {} + | while read -r left; do kill -KILL "$left" || :; done
  find $group -depth -type d -exec rmdir {} + 2> "$0/rmdir" && exit $status
  sleep 0.2
done
cat "$0/rmdir" >&2
exit 1
`;

/** The command that runs a row with the tools of the Debian root `root`, as a process of the host. */
export function commandOnHost(root: string): (row: Row, folder: string) => readonly string[] {
  return (row, folder) => {
    const enter = ["unshare", "--mount", "--propagation", "private", "sh", "-euc", ENTER];
    return [...enter, folder, root, `${PRELUDE}${row.script}`];
  };
}
