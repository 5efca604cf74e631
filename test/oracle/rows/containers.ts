import { type Row, rows } from "./row.js";

/** A file system for containers in the directory named: busybox and nothing else. */
const ROOTFS = `
rootfs() {
  for one in bin proc sys dev tmp etc root usr/lib var run mnt; do mkdir -p $1/$one; done
  cp /bin/busybox $1/bin
  for one in sh true sleep; do ln -s busybox $1/bin/$one; done
  echo ID=row | tee $1/etc/os-release > $1/usr/lib/os-release
}
`;

function table(setup: string, rowsOf: readonly (readonly [name: string, script: string])[]): readonly Row[] {
  return rows(rowsOf.map(([name, script]) => [name, `${ROOTFS}${setup}\n${script}`]));
}

/** crun(1) is given a bundle as runc is. */
const CRUN_BUNDLE = `
rootfs r/rootfs
cd r
crun spec
sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"sleep", "60"/' config.json`;

export const CRUN = table(CRUN_BUNDLE, [
  [
    "crun create, start, exec, kill, delete",
    "crun create x < /dev/null; crun start x; crun exec x true; crun kill x KILL; crun delete -f x",
  ],
  ["crun run", `sed -i 's/"sleep"/"true"/; s/, *"60"//' config.json; crun run x < /dev/null`],
  ["crun run --detach", "crun run -d x < /dev/null; crun delete -f x"],
]);

export const NSPAWN = table(
  'rootfs r; nspawn() { systemd-nspawn --register=no --keep-unit --quiet --pipe -D r "$@"; }',
  [
    ["systemd-nspawn", "nspawn /bin/true"],
    ["systemd-nspawn --as-pid2", "nspawn --as-pid2 /bin/true"],
    ["systemd-nspawn --private-network", "nspawn --private-network /bin/true"],
    [
      "systemd-nspawn --private-users --private-users-ownership=map",
      "nspawn --private-users=65536:65536 --private-users-ownership=map /bin/true",
    ],
    [
      "systemd-nspawn --private-users --private-users-ownership=chown",
      "nspawn --private-users=65536:65536 --private-users-ownership=chown /bin/true",
    ],
    ["systemd-nspawn --volatile=overlay", "nspawn --volatile=overlay /bin/true"],
    ["systemd-nspawn --volatile=state", "nspawn --volatile=state /bin/true"],
    ["systemd-nspawn --ephemeral", "nspawn --ephemeral /bin/true"],
    [
      "systemd-nspawn --read-only --tmpfs --bind --bind-ro",
      "nspawn --timezone=off --read-only --tmpfs=/tmp --bind=/root --bind-ro=/etc:/mnt /bin/true",
    ],
    ["systemd-nspawn --overlay", "mkdir l u; nspawn --overlay=$PWD/l:$PWD/u:/mnt /bin/true"],
    [
      "systemd-nspawn --inaccessible",
      "mkdir -p /run/systemd/inaccessible/dir; nspawn --timezone=off --inaccessible=/etc /bin/true",
    ],
    [
      "systemd-nspawn --bind of an id-mapped mount",
      "mkdir l; nspawn --private-users=65536:65536 --private-users-ownership=map --bind=$PWD/l:/mnt:rootidmap /bin/true",
    ],
    [
      "systemd-nspawn --network-namespace-path",
      "nspawn --network-namespace-path=/proc/self/ns/net /bin/true",
    ],
    ["systemd-nspawn --hostname --chdir --user", "nspawn --hostname=row --chdir=/tmp --user=root /bin/true"],
    ["systemd-nspawn of what is not there", "! nspawn /missing"],
  ],
);

const LXC_SETUP = `
rootfs r
config() { printf 'lxc.uts.name = x\\nlxc.rootfs.path = dir:%s/r\\n' $PWD; printf '%s\\n' "$@"; }`;
const IDMAP = "'lxc.idmap = u 0 100000 65536' 'lxc.idmap = g 0 100000 65536'";

export const LXC = table(LXC_SETUP, [
  ["lxc-execute", "config 'lxc.net.0.type = empty' > c; lxc-execute -n x -f c -- /bin/true"],
  [
    "lxc-execute with the host's network",
    "config 'lxc.net.0.type = none' > c; lxc-execute -n x -f c -- /bin/true",
  ],
  [
    "lxc-execute with mounts",
    "config 'lxc.net.0.type = empty' 'lxc.mount.auto = proc:mixed sys:mixed' 'lxc.mount.entry = /root mnt none bind 0 0' 'lxc.mount.entry = none tmp tmpfs nosuid 0 0' > c; lxc-execute -n x -f c -- /bin/true",
  ],
  [
    "lxc-execute with lxc.namespace.clone",
    "config 'lxc.net.0.type = none' 'lxc.namespace.clone = mnt pid ipc' > c; lxc-execute -n x -f c -- /bin/true",
  ],
  [
    "lxc-execute in a user namespace",
    `echo root:100000:65536 | tee /etc/subuid > /etc/subgid; chmod 755 .; chown -R 100000:100000 r; config 'lxc.net.0.type = empty' ${IDMAP} > c; lxc-execute -n x -f c -- /bin/true`,
  ],
  [
    "lxc-execute on an overlay",
    "mkdir delta; printf 'lxc.uts.name = x\\nlxc.net.0.type = empty\\nlxc.rootfs.path = overlay:%s/r:%s/delta\\n' $PWD $PWD > c; lxc-execute -n x -f c -- /bin/true",
  ],
  [
    "lxc-start, lxc-attach, lxc-stop",
    "config 'lxc.net.0.type = empty' > c; lxc-start -n x -f c -d -- /bin/sleep 60; lxc-attach -n x -- /bin/true; lxc-attach -n x -s 'MOUNT|UTSNAME' -- /bin/true; lxc-stop -k -n x",
  ],
  ["lxc-unshare", "lxc-unshare -s 'MOUNT|PID|UTSNAME|IPC' /bin/true"],
  [
    "lxc-usernsexec",
    "echo root:100000:65536 | tee /etc/subuid > /etc/subgid; lxc-usernsexec -m u:0:100000:1000 -m g:0:100000:1000 -- true",
  ],
]);

/** Of this machine's cgroups the controllers may be elsewhere, and images are not to be fetched. */
const PODMAN_SETUP = `
rootfs r
podman() { command podman --storage-driver vfs --cgroup-manager cgroupfs "$@"; }
start="run --rm --network none --cgroups disabled"`;
const USER = `
echo u:x:1000:1000::/home/u:/bin/sh >> /etc/passwd
echo u:100000:65536 | tee /etc/subuid > /etc/subgid
mkdir -p /home/u /run/u
cp -r r /home/u
chown -R 1000:1000 /home/u /run/u
cd /home/u
as_user() { setpriv --reuid 1000 --regid 1000 --clear-groups env HOME=/home/u XDG_RUNTIME_DIR=/run/u "$@"; }`;

export const PODMAN = table(PODMAN_SETUP, [
  ["podman run", "podman $start --rootfs $PWD/r /bin/true"],
  ["podman run --privileged", "podman $start --privileged --rootfs $PWD/r /bin/true"],
  [
    "podman run --read-only --tmpfs --volume --security-opt",
    "podman $start --read-only --tmpfs /tmp --volume /root:/mnt --security-opt unmask=ALL --rootfs $PWD/r /bin/true",
  ],
  [
    "podman run with the host's namespaces",
    "podman run --rm --cgroups disabled --ipc host --uts host --network host --rootfs $PWD/r /bin/true",
  ],
  [
    "podman run --uidmap --gidmap",
    "chmod 755 .; chown -R 100000:100000 r; podman $start --uidmap 0:100000:1000 --gidmap 0:100000:1000 --rootfs $PWD/r /bin/true",
  ],
  ["podman run --network bridge", "podman run --rm --cgroups disabled --rootfs $PWD/r /bin/true"],
  ["podman import, run", "tar -C r -c . | podman import -q - i; podman $start i /bin/true"],
  [
    "podman create, init, start, exec, stop, rm",
    "podman create --name c --network none --cgroups disabled --rootfs $PWD/r /bin/sleep 60; podman init c; podman start c; podman exec c /bin/true; podman stop -t 0 c; podman rm c",
  ],
  [
    "podman unshare of a user",
    `${USER}\nas_user podman --storage-driver vfs --cgroup-manager cgroupfs unshare true`,
  ],
  [
    "podman run of a user",
    `${USER}\nas_user podman --storage-driver vfs --cgroup-manager cgroupfs $start --rootfs $PWD/r /bin/true`,
  ],
]);

const BUILDAH_SETUP = `
rootfs r
ulimit -n 1024
buildah() { command buildah --storage-driver vfs "$@"; }
limits="--ulimit nofile=1024:1024 --ulimit nproc=1000:1000"
working() {
  container=$(buildah from $limits scratch)
  mounted=$(buildah mount $container)
  cp -r r/. $mounted
}`;

export const BUILDAH = table(BUILDAH_SETUP, [
  ["buildah from, mount, umount, rm", "working; buildah umount $container; buildah rm $container"],
  ["buildah run --isolation chroot", "working; buildah run --isolation chroot $container /bin/true"],
  ["buildah run --isolation oci", "working; buildah run --isolation oci --network none $container /bin/true"],
  ["buildah run --isolation rootless", "working; buildah run --isolation rootless $container /bin/true"],
  [
    "buildah build",
    "printf 'FROM scratch\\nCOPY r /\\nRUN /bin/true\\n' > Containerfile; buildah build --isolation chroot $limits -q .",
  ],
  ["buildah unshare of a user", `${USER}\nas_user buildah unshare true`],
]);
