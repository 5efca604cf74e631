/*
 * Makes the system calls of one named case, each a success or a failure of a known kind, inside a mount
 * namespace of its own. What is compared is made elsewhere: by strace and the agent, both watching.
 *
 * usage: calls --list
 *        calls CASE DIRECTORY    DIRECTORY is empty; a tmpfs is mounted on it, seen by this process only
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cases.h"

/* Not in linux/mount.h, or not yet in that of every distribution. */
#define CMD_CREATE_EXCL 8
#define MS_MGC_VAL 0xC0ED0000
#define MNT_DETACH 2
#define MNT_EXPIRE 4
#define UMOUNT_NOFOLLOW 8
#define NOBODY 65534

static int open_ns(const char *type)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", type);
	return MUST(open(path, O_RDONLY | O_CLOEXEC));
}

/* From here on the process has no capability. */
static void drop_privileges(void)
{
	MUST(setresgid(NOBODY, NOBODY, NOBODY));
	MUST(setresuid(NOBODY, NOBODY, NOBODY));
}

static void reap(long pid)
{
	MUST(waitpid(pid, NULL, __WALL));
}

static void setns_nsfd(void)
{
	int null = MUST(open("/dev/null", O_RDONLY)), uts = open_ns("uts"), path_only;

	CALL(OK, setns, uts, CLONE_NEWUTS);
	CALL(OK, setns, uts, 0);
	CALL(OK, setns, open_ns("ipc"), CLONE_NEWIPC);
	CALL(OK, setns, open_ns("net"), CLONE_NEWNET);
	CALL(OK, setns, open_ns("cgroup"), CLONE_NEWCGROUP);
	CALL(OK, setns, open_ns("pid"), CLONE_NEWPID);
	CALL(OK, setns, open_ns("mnt"), CLONE_NEWNS);
	CALL(EINVAL, setns, open_ns("user"), CLONE_NEWUSER);
	CALL(EINVAL, setns, uts, CLONE_NEWNET);
	CALL(EINVAL, setns, uts, CLONE_NEWUTS | CLONE_NEWNET);
	CALL(EINVAL, setns, null, 0);
	CALL(EINVAL, setns, uts, 1);
	CALL(EBADF, setns, -1, CLONE_NEWNS);
	CALL(EBADF, setns, 1000000, 0);
	path_only = MUST(open("/proc/self/ns/net", O_PATH));
	CALL(EBADF, setns, path_only, 0);
	drop_privileges();
	CALL(EPERM, setns, uts, CLONE_NEWUTS);
	CALL(EPERM, setns, uts, 0);
}

static void setns_pidfd(void)
{
	int ready[2], pidfd;
	char byte;
	pid_t child;

	MUST(pipe(ready));
	child = MUST(fork());
	if (child == 0) {
		CALL(OK, unshare, CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWCGROUP);
		MUST(write(ready[1], "", 1));
		pause();
	}
	MUST(read(ready[0], &byte, 1));
	pidfd = CALL(OK, pidfd_open, child, 0);
	CALL(EINVAL, setns, pidfd, 0);
	CALL(EINVAL, setns, pidfd, CLONE_NEWUTS | CLONE_VM);
	CALL(OK, setns, pidfd, CLONE_NEWUTS);
	CALL(OK, setns, pidfd, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWCGROUP);
	MUST(kill(child, SIGKILL));
	reap(child);
	CALL(ESRCH, setns, pidfd, CLONE_NEWUTS);
}

static void unshare_flags(void)
{
	CALL(OK, unshare, 0);
	CALL(OK, unshare, CLONE_FS | CLONE_FILES | CLONE_SYSVSEM);
	CALL(OK, unshare, CLONE_NEWUTS);
	CALL(OK, unshare, CLONE_NEWIPC | CLONE_NEWNET);
	CALL(OK, unshare, CLONE_NEWCGROUP);
	CALL(OK, unshare, CLONE_NEWNS);
	CALL(OK, unshare, CLONE_NEWTIME);
	CALL(OK, unshare, CLONE_NEWPID);
	CALL(EINVAL, unshare, 1);
	CALL(EINVAL, unshare, CLONE_NEWUTS | 2);
	CALL(OK, unshare, CLONE_NEWUSER);
	/* All capabilities in the namespace it made, none above. */
	CALL(OK, unshare, CLONE_NEWUTS);
}

static void unshare_eperm(void)
{
	drop_privileges();
	CALL(EPERM, unshare, CLONE_NEWUTS);
	CALL(EPERM, unshare, CLONE_NEWNS | CLONE_NEWNET);
}

static void mount_calls(void)
{
	MUST(mkdir("a", 0755));
	MUST(mkdir("b", 0755));
	CALL(OK, mount, "none", "a", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=700");
	CALL(OK, mount, "none", "a", "tmpfs", MS_MGC_VAL, NULL);
	CALL(OK, mount, "a", "b", NULL, MS_BIND, NULL);
	CALL(OK, mount, NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOEXEC, NULL);
	CALL(OK, mount, NULL, "b", NULL, MS_SHARED, NULL);
	CALL(OK, mount, NULL, "b", NULL, MS_SLAVE | MS_REC, NULL);
	CALL(OK, mount, "", "b", "", MS_UNBINDABLE, "");
	CALL(OK, mount, "none", "b", "tmpfs", MS_NOSYMFOLLOW | MS_RELATIME, NULL);
	CALL(OK, mount, "proc", "b", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "hidepid=invisible");
	CALL(EINVAL, mount, "proc", "b", "proc", 0, "hidepid=9");
	CALL(EINVAL, mount, "none", "b", NULL, 0, NULL);
	CALL(ENODEV, mount, "none", "b", "no-such-fs", 0, NULL);
	CALL(ENOENT, mount, "none", "missing", "tmpfs", 0, NULL);
	CALL(ENOENT, mount, "missing", "b", NULL, MS_BIND | MS_REC, NULL);
	CALL(EINVAL, mount, NULL, "b", NULL, MS_PRIVATE | MS_SHARED, NULL);
	CALL(EINVAL, mount, "a", "b", NULL, MS_MOVE | MS_SHARED, NULL);
	CALL(EFAULT, mount, BAD_POINTER, "b", "tmpfs", 0, NULL);
	CALL(EFAULT, mount, "none", BAD_POINTER, "tmpfs", 0, NULL);
	CALL(EFAULT, mount, "none", "b", BAD_POINTER, 0, NULL);
	CALL(EFAULT, mount, "none", "b", "tmpfs", 0, BAD_POINTER);
	CALL(EFAULT, mount, "none", NULL, "tmpfs", 0, NULL);
	drop_privileges();
	CALL(EPERM, mount, "none", ".", "tmpfs", 0, NULL);
	CALL(EPERM, mount, "/", ".", NULL, MS_BIND, NULL);
}

static void umount_calls(void)
{
	MUST(mkdir("a", 0755));
	CALL(OK, mount, "none", "a", "tmpfs", 0, NULL);
	CALL(EAGAIN, umount2, "a", MNT_EXPIRE);
	CALL(OK, umount2, "a", MNT_EXPIRE);
	CALL(OK, mount, "none", "a", "tmpfs", 0, NULL);
	CALL(OK, umount2, "a", MNT_DETACH | UMOUNT_NOFOLLOW);
	CALL(OK, mount, "none", "a", "tmpfs", 0, NULL);
	CALL(OK, umount2, "a", 0);
	CALL(EINVAL, umount2, "a", 0);
	CALL(EINVAL, umount2, "a", 0x40);
	CALL(EINVAL, umount2, "a", MNT_DETACH | 0x10);
	CALL(ENOENT, umount2, "missing", 0);
	CALL(ENOENT, umount2, "", 0);
	CALL(EFAULT, umount2, BAD_POINTER, MNT_DETACH);
	CALL(EFAULT, umount2, NULL, 0);
	drop_privileges();
	CALL(EPERM, umount2, "a", 0);
}

static void fs_context(void)
{
	int tmpfs, proc, mnt, picked, pidns = open_ns("pid");

	MUST(mkdir("a", 0755));
	tmpfs = CALL(OK, fsopen, "tmpfs", FSOPEN_CLOEXEC);
	CALL(OK, fsconfig, tmpfs, FSCONFIG_SET_STRING, "source", "memory", 0);
	CALL(OK, fsconfig, tmpfs, FSCONFIG_SET_STRING, "size", "64k", 0);
	CALL(OK, fsconfig, tmpfs, FSCONFIG_SET_FLAG, "ro", NULL, 0);
	CALL(EINVAL, fsconfig, tmpfs, FSCONFIG_SET_FLAG, "no-such-option", NULL, 0);
	CALL(EINVAL, fsconfig, tmpfs, FSCONFIG_SET_FLAG, "ro", "value", 0);
	CALL(EINVAL, fsconfig, tmpfs, FSCONFIG_SET_BINARY, "blob", "\1\2\3", 3);
	CALL(EINVAL, fsconfig, tmpfs, FSCONFIG_SET_PATH, "path", "/dev/null", AT_FDCWD);
	CALL(EINVAL, fsconfig, tmpfs, FSCONFIG_SET_PATH_EMPTY, "path", "", pidns);
	CALL(EINVAL, fsconfig, tmpfs, FSCONFIG_SET_FD, "fd", NULL, pidns);
	CALL(EBADF, fsconfig, tmpfs, FSCONFIG_SET_FD, "fd", NULL, 1000000);
	CALL(EFAULT, fsconfig, tmpfs, FSCONFIG_SET_STRING, BAD_POINTER, "value", 0);
	CALL(EFAULT, fsconfig, tmpfs, FSCONFIG_SET_STRING, "size", BAD_POINTER, 0);
	CALL(EOPNOTSUPP, fsconfig, tmpfs, 99, NULL, NULL, 0);
	CALL(EINVAL, fsconfig, tmpfs, FSCONFIG_CMD_CREATE, "key", NULL, 0);
	CALL(EINVAL, fsconfig, -1, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	CALL(EBADF, fsconfig, 1000000, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	CALL(EINVAL, fsconfig, pidns, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	CALL(EINVAL, fsmount, tmpfs, 0, 0);
	CALL(OK, fsconfig, tmpfs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	CALL(EBUSY, fsconfig, tmpfs, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	mnt = CALL(OK, fsmount, tmpfs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME);
	CALL(OK, move_mount, mnt, "", AT_FDCWD, "a", MOVE_MOUNT_F_EMPTY_PATH);
	picked = CALL(OK, fspick, AT_FDCWD, "a", FSPICK_CLOEXEC | FSPICK_NO_AUTOMOUNT);
	CALL(OK, fsconfig, picked, FSCONFIG_SET_FLAG, "rw", NULL, 0);
	CALL(OK, fsconfig, picked, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
	CALL(OK, fspick, mnt, "", FSPICK_EMPTY_PATH);
	proc = CALL(OK, fsopen, "proc", 0);
	CALL(OK, fsconfig, proc, FSCONFIG_SET_STRING, "hidepid", "2", 0);
	CALL(EINVAL, fsconfig, proc, FSCONFIG_SET_STRING, "hidepid", "", 0);
	CALL(OK, fsconfig, proc, FSCONFIG_SET_STRING, "subset", "pid", 0);
	CALL(OK, fsconfig, proc, CMD_CREATE_EXCL, NULL, NULL, 0);
	CALL(OK, fsmount, proc, 0, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_STRICTATIME);
}

static void fs_context_failures(void)
{
	CALL(ENODEV, fsopen, "no-such-fs", 0);
	CALL(EINVAL, fsopen, "tmpfs", 0x80);
	CALL(EINVAL, fsopen, "tmpfs", FSOPEN_CLOEXEC | 0x10000);
	CALL(EFAULT, fsopen, BAD_POINTER, 0);
	CALL(EFAULT, fsopen, NULL, FSOPEN_CLOEXEC);
	CALL(ENOENT, fspick, AT_FDCWD, "missing", 0);
	CALL(EBADF, fspick, -1, "missing", FSPICK_SYMLINK_NOFOLLOW);
	CALL(EINVAL, fspick, AT_FDCWD, ".", 0x40);
	CALL(EFAULT, fspick, AT_FDCWD, BAD_POINTER, 0);
	CALL(EBADF, fsmount, -1, 0, 0);
	CALL(EINVAL, fsmount, 0, 0x1000, 0);
	CALL(EINVAL, fsmount, 0, 0, 0x80000000);
	CALL(EINVAL, fsmount, 0, FSMOUNT_CLOEXEC, MOUNT_ATTR__ATIME);
	CALL(ENOENT, move_mount, AT_FDCWD, "missing", AT_FDCWD, ".", 0);
	CALL(EBADF, move_mount, -1, "x", -1, "y", MOVE_MOUNT_F_SYMLINKS | MOVE_MOUNT_T_SYMLINKS);
	CALL(EINVAL, move_mount, AT_FDCWD, "/", AT_FDCWD, ".", 0x1000);
	CALL(EINVAL, move_mount, AT_FDCWD, ".", AT_FDCWD, ".", MOVE_MOUNT_SET_GROUP | 0x10000000);
	CALL(EFAULT, move_mount, AT_FDCWD, BAD_POINTER, AT_FDCWD, ".", 0);
	CALL(EFAULT, move_mount, AT_FDCWD, ".", AT_FDCWD, BAD_POINTER, MOVE_MOUNT_T_AUTOMOUNTS);
	drop_privileges();
	CALL(EPERM, fsopen, "proc", FSOPEN_CLOEXEC);
	CALL(EPERM, fspick, AT_FDCWD, "/", 0);
	CALL(EPERM, fsmount, -1, 0, 0);
	CALL(EPERM, move_mount, AT_FDCWD, ".", AT_FDCWD, ".", 0);
}

static void open_tree_calls(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV };
	int tree;

	MUST(mkdir("a", 0755));
	tree = CALL(OK, open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	CALL(OK, move_mount, tree, "", AT_FDCWD, "a", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS);
	CALL(OK, open_tree, AT_FDCWD, "a", AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT);
	CALL(OK, open_tree, tree, "", AT_EMPTY_PATH);
	CALL(EINVAL, open_tree, AT_FDCWD, "a", AT_RECURSIVE);
	CALL(EINVAL, open_tree, AT_FDCWD, "a", 0x40000000);
	CALL(ENOENT, open_tree, AT_FDCWD, "", OPEN_TREE_CLONE);
	CALL(EBADF, open_tree, 1000000, "a", 0);
	CALL(EFAULT, open_tree, AT_FDCWD, BAD_POINTER, OPEN_TREE_CLONE);
	CALL(OK, open_tree_attr, AT_FDCWD, ".", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC, &attr, sizeof(attr));
	CALL(OK, open_tree_attr, AT_FDCWD, ".", 0, NULL, 0);
	CALL(ENOENT, open_tree_attr, AT_FDCWD, "missing", OPEN_TREE_CLONE, &attr, sizeof(attr));
	CALL(EFAULT, open_tree_attr, AT_FDCWD, ".", OPEN_TREE_CLONE, BAD_POINTER, sizeof(attr));
	drop_privileges();
	CALL(EPERM, open_tree, AT_FDCWD, "/", OPEN_TREE_CLONE);
}

static void mount_setattr_calls(void)
{
	struct mount_attr locked = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };
	struct mount_attr atime = { .attr_set = MOUNT_ATTR_NOATIME, .attr_clr = MOUNT_ATTR__ATIME };
	struct mount_attr shared = { .propagation = MS_SHARED };
	struct mount_attr idmap = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = open_ns("user") };
	struct mount_attr unknown = { .attr_set = 1ULL << 40, .attr_clr = MOUNT_ATTR_NODEV };
	struct { struct mount_attr attr; uint64_t more; } longer = { .attr = locked, .more = 1 };

	CALL(OK, mount_setattr, AT_FDCWD, ".", AT_RECURSIVE, &locked, sizeof(locked));
	CALL(OK, mount_setattr, AT_FDCWD, ".", 0, &atime, sizeof(atime));
	CALL(OK, mount_setattr, AT_FDCWD, ".", AT_SYMLINK_NOFOLLOW, &shared, sizeof(shared));
	CALL(EPERM, mount_setattr, AT_FDCWD, ".", 0, &idmap, sizeof(idmap));
	CALL(EINVAL, mount_setattr, AT_FDCWD, ".", 0, &unknown, sizeof(unknown));
	CALL(EINVAL, mount_setattr, AT_FDCWD, ".", 0x20, &locked, sizeof(locked));
	CALL(EINVAL, mount_setattr, AT_FDCWD, ".", 0, &locked, 16);
	CALL(E2BIG, mount_setattr, AT_FDCWD, ".", 0, &longer, sizeof(longer));
	CALL(EFAULT, mount_setattr, AT_FDCWD, ".", 0, BAD_POINTER, sizeof(locked));
	CALL(ENOENT, mount_setattr, AT_FDCWD, "missing", 0, &locked, sizeof(locked));
	CALL(EBADF, mount_setattr, -1, "", AT_EMPTY_PATH, &locked, sizeof(locked));
	CALL(EFAULT, mount_setattr, AT_FDCWD, BAD_POINTER, 0, &locked, sizeof(locked));
	drop_privileges();
	CALL(EPERM, mount_setattr, AT_FDCWD, "/", 0, &locked, sizeof(locked));
}

static void roots(void)
{
	MUST(mkdir("new", 0755));
	MUST(mkdir("jail", 0755));
	MUST(close(MUST(open("file", O_CREAT | O_WRONLY, 0644))));
	CALL(EINVAL, pivot_root, "new", "new");
	CALL(ENOENT, pivot_root, "missing", ".");
	CALL(ENOENT, pivot_root, "new", "");
	CALL(EFAULT, pivot_root, BAD_POINTER, ".");
	CALL(EFAULT, pivot_root, "new", NULL);
	CALL(ENOENT, chroot, "missing");
	CALL(ENOTDIR, chroot, "file");
	CALL(EFAULT, chroot, BAD_POINTER);
	CALL(OK, mount, "none", "new", "tmpfs", 0, NULL);
	MUST(mkdir("new/old", 0755));
	CALL(OK, pivot_root, "new", "new/old");
	MUST(chdir("/"));
	MUST(mkdir("jail", 0755));
	CALL(OK, umount2, "/old", MNT_DETACH);
	CALL(OK, chroot, "/jail");
	drop_privileges();
	CALL(EPERM, chroot, "/");
	CALL(EPERM, pivot_root, ".", ".");
}

static void pidfds(void)
{
	CALL(OK, pidfd_open, getpid(), 0);
	CALL(OK, pidfd_open, getpid(), O_NONBLOCK);
	CALL(EINVAL, pidfd_open, 0, 0);
	CALL(EINVAL, pidfd_open, -1, 0);
	CALL(EINVAL, pidfd_open, getpid(), 0x8);
	CALL(ESRCH, pidfd_open, 0x3ffffff, O_NONBLOCK);
}

/* clone(2) with the stack shared copy-on-write, as fork does; arguments in x86-64's or arm64's order. */
static void clone_child(int want, unsigned long flags)
{
	int tid;
#ifdef __aarch64__
	long pid = CALL(want, clone, flags, NULL, &tid, 0, &tid);
#else
	long pid = CALL(want, clone, flags, NULL, &tid, &tid, 0);
#endif
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		reap(pid);
}

static void clones(void)
{
	signal(SIGUSR1, SIG_IGN);
	clone_child(OK, SIGCHLD);
	clone_child(OK, CLONE_NEWUTS | SIGCHLD);
	clone_child(OK, CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | SIGCHLD);
	clone_child(OK, CLONE_NEWUSER | CLONE_NEWNET | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID);
	clone_child(OK, CLONE_NEWCGROUP | SIGUSR1);
	clone_child(EINVAL, CLONE_NEWNS | CLONE_FS | SIGCHLD);
	clone_child(EINVAL, CLONE_NEWUSER | CLONE_FS);
	clone_child(EINVAL, CLONE_NEWPID | CLONE_PARENT | CLONE_THREAD | SIGCHLD);
	drop_privileges();
	clone_child(EPERM, CLONE_NEWUTS | SIGCHLD);
	clone_child(EPERM, CLONE_NEWNS | CLONE_NEWPID);
}

static void clone3_child(int want, struct clone_args args, size_t size)
{
	long pid = CALL(want, clone3, &args, size);

	if (pid == 0)
		_exit(0);
	if (pid > 0)
		reap(pid);
}

static void clone3s(void)
{
	const size_t size = sizeof(struct clone_args);
	struct { struct clone_args args; uint64_t more; } longer = { .args.flags = CLONE_NEWUTS, .more = 1 };
	int pidfd;

	clone3_child(OK, (struct clone_args){ .flags = CLONE_NEWUTS, .exit_signal = SIGCHLD }, size);
	clone3_child(OK, (struct clone_args){ .flags = CLONE_NEWTIME | CLONE_NEWNS, .exit_signal = SIGCHLD }, 64);
	clone3_child(OK, (struct clone_args){ .flags = CLONE_NEWNET | CLONE_PIDFD, .exit_signal = SIGCHLD,
					      .pidfd = (uintptr_t)&pidfd }, size);
	clone3_child(EINVAL, (struct clone_args){ .flags = CLONE_NEWUTS, .exit_signal = 100 }, size);
	clone3_child(EINVAL, (struct clone_args){ .flags = CLONE_NEWUTS | 1, .exit_signal = SIGCHLD }, size);
	clone3_child(EINVAL, (struct clone_args){ .flags = CLONE_NEWUTS, .stack = 4096 }, size);
	clone3_child(EBADF, (struct clone_args){ .flags = CLONE_NEWUTS | CLONE_INTO_CGROUP, .cgroup = 1000000 }, size);
	CALL(E2BIG, clone3, &longer, sizeof(longer));
	CALL(EFAULT, clone3, BAD_POINTER, size);
	drop_privileges();
	clone3_child(EPERM, (struct clone_args){ .flags = CLONE_NEWUTS, .exit_signal = SIGCHLD }, size);
}

/* Bytes that a terminal, a JSON parser or a web page would trip over. */
static void hostile_strings(void)
{
	static char path[4097];

	MUST(prctl(PR_SET_NAME, "\033[31mx\n\"\xff"));
	CALL(ENOENT, chroot, "caf\xe9/\xff\xfe\xc0\x80");
	CALL(ENOENT, chroot, "line\nbreak\ttab\r\"quote\"\\back");
	CALL(ENOENT, umount2, "\033]0;title\007\033[2J", 0);
	CALL(ENODEV, fsopen, "<script>alert(1)</script>\xf0\x9f\x94\x91", 0);
	CALL(ENOENT, mount, "\x80\x81", "\xed\xa0\x80", "tmpfs", 0, "\xe2\x80\xae" "txt");
	memset(path, '/', 4095);
	CALL(OK, chroot, path);
	memset(path, 'x', 4095);
	CALL(ENAMETOOLONG, chroot, path);
	path[4095] = 'x';
	CALL(ENAMETOOLONG, chroot, path);
	CALL(ENAMETOOLONG, open_tree, AT_FDCWD, path, OPEN_TREE_CLONE);
	memset(path, 'k', 300);
	path[300] = '\0';
	CALL(EINVAL, fsconfig, CALL(OK, fsopen, "tmpfs", 0), FSCONFIG_SET_STRING, path, "value", 0);
}

/* Strings at the border of what is mapped: the last byte before a hole, and one that runs into it. */
static void page_borders(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *end = memory + page;

	if (memory == MAP_FAILED)
		exit(1);
	MUST(munmap(end, page));
	strcpy(end - sizeof("missing"), "missing");
	CALL(ENOENT, chroot, end - sizeof("missing"));
	CALL(ENOENT, umount2, end - 1, 0);
	memcpy(end - 4, "open", 4);
	CALL(EFAULT, chroot, end - 4);
	CALL(EFAULT, fsopen, end - 4, 0);
	CALL(EFAULT, chroot, end);
}

static void *in_thread(void *uts)
{
	CALL(OK, setns, *(int *)uts, CLONE_NEWUTS);
	CALL(OK, unshare, CLONE_NEWUTS);
	CALL(EINVAL, unshare, CLONE_NEWUSER);
	CALL(EINVAL, setns, open_ns("mnt"), 0);
	CALL(ENOENT, chroot, "missing");
	return NULL;
}

static void threads(void)
{
	int uts = open_ns("uts");
	pthread_t thread;

	if (pthread_create(&thread, NULL, in_thread, &uts) != 0 || pthread_join(thread, NULL) != 0)
		exit(1);
	CALL(OK, setns, uts, 0);
}

static const struct named_case cases[] = {
	{ "setns-nsfd", setns_nsfd },
	{ "setns-pidfd", setns_pidfd },
	{ "unshare", unshare_flags },
	{ "unshare-eperm", unshare_eperm },
	{ "mount", mount_calls },
	{ "umount2", umount_calls },
	{ "fs-context", fs_context },
	{ "fs-context-failures", fs_context_failures },
	{ "open_tree", open_tree_calls },
	{ "mount_setattr", mount_setattr_calls },
	{ "roots", roots },
	{ "pidfd_open", pidfds },
	{ "clone", clones },
	{ "clone3", clone3s },
	{ "hostile-strings", hostile_strings },
	{ "page-borders", page_borders },
	{ "threads", threads },
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
