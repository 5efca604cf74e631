import { rows } from "./row.js";

const NAMESPACES = "mount uts ipc net pid cgroup time user".split(" ");
const PROPAGATIONS = "shared slave private unbindable rshared rslave rprivate runbindable".split(" ");

/** Every option of mount(8) that makes one of the calls. What a loop device or a network would need is left out. */
const MOUNT = rows([
  ["mount -t tmpfs none b"],
  ["mount -t tmpfs -o size=64k,mode=700,uid=1 none b"],
  ["mount -r -t tmpfs none b"],
  ["mount -w -t tmpfs none b"],
  ["mount -n -i -v -t tmpfs --source none --target b"],
  ["mount -c -t tmpfs none b"],
  ["mount -t tmpfs -o ro,nosuid,nodev,noexec,sync,dirsync,noatime,nodiratime,lazytime,nosymfollow none b"],
  ["mount -t tmpfs -o relatime,iversion,silent none b"],
  ["mount -t tmpfs -o strictatime,mand none b"],
  ["mount -t ramfs -o mode=711 none b"],
  ["mount -t proc proc b"],
  ["mount -t proc -o hidepid=2,gid=5 proc b"],
  ["mount -t proc -o hidepid=invisible,subset=pid proc b"],
  ["mount -o remount,hidepid=ptraceable b", "mount -t proc proc b; mount -o remount,hidepid=ptraceable b"],
  ["mount -t sysfs -r sysfs b"],
  ["mount -t mqueue mqueue b"],
  ["mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts b"],
  ["mount -t overlay", "mkdir l u w; mount -t overlay -o lowerdir=l,upperdir=u,workdir=w overlay b"],
  ["mount --bind a b"],
  ["mount --bind file file", "echo text > f; : > g; mount --bind f g; read -r text < g; [ $text = text ]"],
  ["mount --rbind a b", "mount -t tmpfs none a/x; mount --rbind a b; mountpoint -q b/x"],
  ["mount -o bind,ro,nosuid a b"],
  ["mount -o rbind,noexec a b"],
  ["mount --move a b", "mount -t tmpfs none a; mount --move a b; mountpoint -q b"],
  ...PROPAGATIONS.map((one) => [`mount --make-${one} b`, `mount --bind b b; mount --make-${one} b`] as const),
  ["mount --bind --make-private a b"],
  ["mount --make-shared --make-unbindable b", "mount --bind b b; mount --make-shared --make-unbindable b"],
  ["mount -o remount,ro b", "mount -t tmpfs none b; mount -o remount,ro b"],
  ["mount -o remount,rw,size=32k b", "mount -t tmpfs -r none b; mount -o remount,rw,size=32k b"],
  ["mount -o remount,bind,ro b", "mount --bind a b; mount -o remount,bind,ro b"],
  ["mount -o X-mount.mkdir", "mount -t tmpfs -o X-mount.mkdir=0700 none b/new/deep"],
  ["mount -m --bind a new"],
  ["mount -o X-mount.owner=1,X-mount.group=1,X-mount.mode=750 -t tmpfs none b"],
  ["mount --namespace PID", "target --mount; mount --namespace $t -t tmpfs none /tmp; release"],
  ["mount --namespace FILE", "target --mount; mount -N /proc/$t/ns/mnt --bind /tmp /tmp; release"],
  ["mount -a -T fstab", "echo none $PWD/b tmpfs size=64k > fstab; mount -a -T fstab; mountpoint -q b"],
  ["mount -a -F -T fstab", "printf 'none %s tmpfs nosuid\\n' $PWD/a $PWD/b > fstab; mount -a -F -T fstab"],
  ["mount --target-prefix", "mount --target-prefix $PWD -t tmpfs none b; mountpoint -q b"],
  [
    "mount --options-mode",
    "echo none $PWD/b tmpfs nodev > fstab; mount -T fstab --options-mode append -o nosuid b",
  ],
  [
    "mount of what is not there",
    "! mount --bind missing b; ! mount -t no-such-type none b; ! mount -t tmpfs none c",
  ],
  ["mount without privilege", "! setpriv --reuid=65534 --regid=65534 --clear-groups mount -t tmpfs none b"],
  ["mount with invalid options", "! mount -t tmpfs -o size=% none b; ! mount -t proc -o hidepid=9 proc b"],
]);

const UMOUNT = rows([
  ["umount b", "mount -t tmpfs none b; umount b"],
  ["umount -l b", "mount -t tmpfs none b; cd b; umount -l ../b"],
  ["umount -f b", "mount -t tmpfs none b; umount -f b"],
  ["umount -l -f -n -v b", "mount -t tmpfs none b; umount -l -f -n -v b"],
  ["umount -R b", "mount -t tmpfs none b; mkdir b/c; mount -t tmpfs none b/c; umount -R b"],
  ["umount -A b", "mount -t tmpfs none b; mount --bind b a; umount -A $PWD/b; ! mountpoint -q a"],
  ["umount -a -t ramfs", "mount -t ramfs none b; mount -t ramfs none a; umount -a -t ramfs"],
  ["umount -r b", "mount -t tmpfs none b; (cd b; umount -r ../b || :)"],
  ["umount -c -i -d b", "mount -t tmpfs none b; umount -c -i -d b"],
  ["umount -q b", "umount -q b || :"],
  ["umount --namespace PID", "target --mount; mount -N $t -t tmpfs none /tmp; umount -N $t /tmp; release"],
  ["umount of what is busy", "mount -t tmpfs none b; (cd b; ! umount ../b); umount b"],
  ["umount of what is no mount", "! umount a; ! umount missing"],
]);

/**
 * A mount namespace can be mounted in an older one only, which the kernel tells by their ids; since Linux 6.18 those
 * are in order for one CPU alone (mnt_ns_loop() in fs/namespace.c).
 */
const PINNED = "taskset -c $(taskset -cp $$ | sed 's/.*: //; s/[-,].*//')";
const PERSISTENT_MOUNT =
  "mount --bind b b; mount --make-private b; : > b/f; unshare --mount=b/f true; umount b/f";

const UNSHARE = rows([
  ...NAMESPACES.filter((one) => one !== "pid").map((one) => [`unshare --${one} true`] as const),
  ["unshare --pid --fork true"],
  ["unshare --pid --mount-proc --fork true"],
  ["unshare --mount-proc=DIR", "unshare --pid --fork --mount-proc=$PWD/b sh -c '[ -e b/1 ]'"],
  ["unshare all of them at once", "unshare -m -u -i -n -p -U -C -T -r -f --mount-proc true"],
  ["unshare --map-root-user --mount mount", "unshare -r -m mount -t tmpfs none b"],
  ["unshare --map-current-user true"],
  ["unshare --map-user=7 --map-group=7 true"],
  ["unshare --map-user=0 --setgroups deny true"],
  ["unshare --user --keep-caps -c true"],
  ["unshare --kill-child true"],
  ...["private", "shared", "slave", "unchanged"].map(
    (one) => [`unshare -m --propagation ${one} true`] as const,
  ),
  ["unshare --root", "mount --rbind / a; unshare --root=$PWD/a true"],
  ["unshare --wd", "unshare --wd=$PWD/a true"],
  ["unshare --setuid 1 --setgid 1 true"],
  ["unshare --time --monotonic 5 --boottime 7 --fork true"],
  ["unshare --uts=FILE", ": > f; unshare --uts=f true; nsenter --uts=f true; umount f"],
  ["unshare --mount=FILE", `${PINNED} unshare --mount sh -euc '${PERSISTENT_MOUNT}'`],
  ["unshare without privilege", "! setpriv --reuid=65534 --regid=65534 --clear-groups unshare --uts true"],
]);

const NSENTER = rows([
  ["nsenter --all", "target -m -u -i -n -p -U -C -T -r --mount-proc; nsenter -t $t -a true; release"],
  ...NAMESPACES.filter((one) => one !== "user").flatMap((one) => [
    [`nsenter --${one} of a process`, `target --${one}; nsenter -t $t --${one} true; release`] as const,
    [
      `nsenter --${one}=FILE`,
      `target --${one}; nsenter --${one}=/proc/$t/ns/${link(one)} true; release`,
    ] as const,
  ]),
  [
    "nsenter --user",
    "target -U -r; nsenter -t $t --user true; nsenter -t $t -U --preserve-credentials true; release",
  ],
  ["nsenter --setuid --setgid", "target -u; nsenter -t $t -u -S 1 -G 1 true; release"],
  ["nsenter --target --root --wd", "target -m; nsenter -t $t -m --root --wd true; release"],
  [
    "nsenter --root=DIR --wd=DIR",
    "mount --rbind / a; target -u; nsenter -t $t -u --root=$PWD/a --wd=$PWD true; release",
  ],
  ["nsenter --wdns", "target -m; nsenter -t $t -m --wdns=/tmp true; release"],
  ["nsenter --no-fork --pid", "target -p; nsenter -t $t --no-fork --pid true; release"],
  ["nsenter into what is none", "! nsenter --uts=/dev/null true; ! nsenter --net=/proc/self/ns/uts true"],
  ["nsenter without privilege", "! setpriv --reuid=65534 --regid=65534 --clear-groups nsenter -t 1 -a true"],
]);

function link(namespace: string): string {
  return namespace === "mount" ? "mnt" : namespace;
}

const OTHERS = rows([
  ["pivot_root", "mount --rbind / a; cd a; pivot_root . mnt; umount -l /mnt"],
  ["pivot_root onto itself", "mount --rbind / a; cd a; pivot_root . .; umount -l ."],
  ["pivot_root of what is no mount", "! pivot_root a a/x"],
  ["chroot", "mount --rbind / a; chroot a true; ! chroot missing true"],
]);

export const UTIL_LINUX = [...MOUNT, ...UMOUNT, ...UNSHARE, ...NSENTER, ...OTHERS];

/** Options that util-linux has since 2.39 or later. */
export const NEW_UTIL_LINUX = rows([
  ["unshare --map-users --map-groups", "unshare --map-users=0:100000:10 --map-groups=0:100000:10 true"],
  ["mount -o X-mount.idmap", "mount -o bind,X-mount.idmap=b:0:100000:10 a b"],
  ["mount --map-users --map-groups", "mount --bind --map-users 0:100000:10 --map-groups 0:100000:10 a b"],
  [
    "mount --map-users=PID",
    "target -U --map-users=0,0,10 -r; mount --bind --map-users /proc/$t/ns/user a b; release",
  ],
  [
    "mount -o X-mount.subdir",
    "mkdir l u w u/s; mount -t overlay -o X-mount.subdir=s,lowerdir=l,upperdir=u,workdir=w none b",
  ],
  ["mount -o bind,ro=recursive a b"],
  [
    "mount -o bind,nosuid=recursive,noexec a b",
    "mount -t tmpfs none a/x; mount -o rbind,nosuid=recursive,noexec a b",
  ],
  ["mount --onlyonce", "mount -t tmpfs none b; ! mount --onlyonce -t tmpfs none b"],
  ["mount -o remount,ro=vfs b", "mount -t tmpfs none b; mount -o remount,ro=vfs b"],
  ["mount -o remount,ro=fs b", "mount -t tmpfs none b; mount -o remount,ro=fs b"],
  ["mount --make-rslave with --bind", "mount --bind --make-rslave a b"],
]);
