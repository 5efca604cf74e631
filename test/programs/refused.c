/*
 * Makes one call that the kernel refuses for the one cause that the case is named after. Each case checks the
 * errno itself; whether the cause was told is compared elsewhere.
 *
 * usage: refused --list
 *        refused CASE DIRECTORY    DIRECTORY is empty; a tmpfs is mounted on it, seen by this process only
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "call.h"

#ifndef SYS_fchroot
#define SYS_fchroot 472
#endif
#define NOBODY 65534

static int open_file(const char *path, int flags)
{
	return MUST(open(path, flags | O_CLOEXEC));
}

static int open_ns(const char *type)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", type);
	return open_file(path, O_RDONLY);
}

/* From here on the process has no capability. */
static void drop_privileges(void)
{
	MUST(setresgid(NOBODY, NOBODY, NOBODY));
	MUST(setresuid(NOBODY, NOBODY, NOBODY));
}

static void *sleep_long(void *unused)
{
	pause();
	return unused;
}

static void start_thread(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, sleep_long, NULL))
		exit(1);
}

/* What the children of other_process() wait for the end of. */
static int until_end = -1;

static void end_others(void)
{
	if (until_end < 0)
		return;
	close(until_end);
	while (wait(NULL) > 0)
		;
}

/* Goes on in a child; the parent ends as the child did. */
static void in_child(void)
{
	int status;
	pid_t child = MUST(fork());

	if (child == 0)
		return;
	MUST(waitpid(child, &status, __WALL));
	end_others();
	exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

/*
 * A child that is in namespaces of its own until this process ends; of a pid namespace that it made its own
 * child is the first. A signal would not reach it once this process has given up its privileges.
 */
static pid_t other_process(int flags)
{
	int ready[2], ended[2];
	char byte;
	pid_t child;

	MUST(pipe(ready));
	MUST(pipe(ended));
	child = MUST(fork());
	if (child == 0) {
		close(ended[1]);
		MUST(unshare(flags));
		if ((flags & CLONE_NEWPID) && MUST(fork()) > 0) {
			MUST(read(ended[0], &byte, 1));
			MUST(wait(NULL));
			exit(0);
		}
		MUST(write(ready[1], "", 1));
		MUST(read(ended[0], &byte, 1));
		exit(0);
	}
	MUST(read(ready[0], &byte, 1));
	until_end = ended[1];
	return child;
}

static int ns_of(pid_t pid, const char *type)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", pid, type);
	return open_file(path, O_RDONLY);
}

static int pidfd_of(pid_t pid)
{
	return MUST(syscall(SYS_pidfd_open, pid, 0));
}

static void write_file(const char *path, const char *text)
{
	int fd = open_file(path, O_WRONLY);

	MUST(write(fd, text, strlen(text)));
	close(fd);
}

static void answer(int number, int action)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	MUST(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static int procfs_context(void)
{
	return MUST(syscall(SYS_fsopen, "proc", 0));
}

static int procfs_created(void)
{
	int fd = procfs_context();

	MUST(syscall(SYS_fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	return fd;
}

/* A procfs that can be reconfigured. */
static int procfs_picked(void)
{
	MUST(mkdir("proc", 0755));
	MUST(mount("proc", "proc", "proc", 0, NULL));
	return MUST(syscall(SYS_fspick, AT_FDCWD, "proc", 0));
}

/* A user, mount and pid namespace in which the procfs that is there hides something. */
static void behind_overmount(void)
{
	MUST(mount("none", "/proc/sys", "tmpfs", 0, NULL));
	MUST(unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID));
	in_child();
}

static void setns_not_open(void) { CALL(EBADF, setns, -1, 0); }

static void setns_path_only(void) { CALL(EBADF, setns, open_file("/proc/self/ns/uts", O_PATH), 0); }

static void setns_other_file(void) { CALL(EINVAL, setns, open_file("/dev/null", O_RDONLY), 0); }

static void setns_other_type(void) { CALL(EINVAL, setns, open_ns("uts"), CLONE_NEWNET); }

static void setns_own_user(void) { CALL(EINVAL, setns, open_ns("user"), 0); }

static void setns_user_threads(void)
{
	int fd = ns_of(other_process(CLONE_NEWUSER), "user");

	start_thread();
	CALL(EINVAL, setns, fd, 0);
}

static void setns_mnt_threads(void)
{
	start_thread();
	CALL(EINVAL, setns, open_ns("mnt"), 0);
}

static void setns_pid_above(void)
{
	int above = open_ns("pid");

	MUST(unshare(CLONE_NEWPID));
	in_child();
	CALL(EINVAL, setns, above, 0);
}

static void setns_time_threads(void)
{
	int fd;

	MUST(unshare(CLONE_NEWTIME));
	fd = open_file("/proc/self/ns/time_for_children", O_RDONLY);
	start_thread();
	CALL(EUSERS, setns, fd, 0);
}

static void setns_uts_unprivileged(void)
{
	int fd = open_ns("uts");

	drop_privileges();
	CALL(EPERM, setns, fd, 0);
}

static void setns_mnt_unprivileged(void)
{
	int fd = open_ns("mnt");

	drop_privileges();
	CALL(EPERM, setns, fd, 0);
}

static void setns_user_unprivileged(void)
{
	int fd = ns_of(other_process(CLONE_NEWUSER), "user");

	drop_privileges();
	CALL(EPERM, setns, fd, 0);
}

static void setns_filtered(void)
{
	answer(SYS_setns, EPERM);
	CALL(EPERM, setns, -1, 0);
}

static void setns_answered(void)
{
	answer(SYS_setns, ENOSYS);
	CALL(ENOSYS, setns, -1, 0);
}

static void pidfd_without_type(void) { CALL(EINVAL, setns, pidfd_of(getpid()), 0); }

static void pidfd_unknown_type(void) { CALL(EINVAL, setns, pidfd_of(getpid()), CLONE_NEWUTS | CLONE_VM); }

static void pidfd_own_user(void)
{
	CALL(EINVAL, setns, pidfd_of(getpid()), CLONE_NEWUSER | CLONE_NEWUTS);
}

static void pidfd_pid_above(void)
{
	int above = pidfd_of(getpid());

	MUST(unshare(CLONE_NEWPID));
	in_child();
	CALL(EINVAL, setns, above, CLONE_NEWPID | CLONE_NEWUTS);
}

static void pidfd_ended(void)
{
	pid_t child = other_process(0);
	int fd = pidfd_of(child);

	MUST(kill(child, SIGKILL));
	MUST(waitpid(child, NULL, 0));
	CALL(ESRCH, setns, fd, CLONE_NEWUTS);
}

static void pidfd_unprivileged(void)
{
	int fd = pidfd_of(getppid());

	drop_privileges();
	CALL(EPERM, setns, fd, CLONE_NEWNS | CLONE_NEWUTS);
}

static void unshare_unknown(void) { CALL(EINVAL, unshare, CLONE_NEWUTS | 1); }

static void unshare_threads(void)
{
	start_thread();
	CALL(EINVAL, unshare, CLONE_NEWUSER);
}

static void unshare_pid_twice(void)
{
	MUST(unshare(CLONE_NEWPID));
	CALL(EINVAL, unshare, CLONE_NEWPID);
}

/* In a pid namespace that a user namespace below the caller's owns. */
static void unshare_pid_foreign(void)
{
	MUST(setns(ns_of(other_process(CLONE_NEWUSER | CLONE_NEWPID), "pid_for_children"), CLONE_NEWPID));
	in_child();
	CALL(EINVAL, unshare, CLONE_NEWPID);
}

static void unshare_unprivileged(void)
{
	drop_privileges();
	CALL(EPERM, unshare, CLONE_NEWUTS);
}

static void unshare_chrooted(void)
{
	MUST(chroot("."));
	drop_privileges();
	CALL(EPERM, unshare, CLONE_NEWUSER);
}

static void unshare_filtered(void)
{
	answer(SYS_unshare, EPERM);
	CALL(EPERM, unshare, CLONE_FILES);
}

static void unshare_limit(void)
{
	MUST(unshare(CLONE_NEWUSER));
	write_file("/proc/sys/user/max_uts_namespaces", "0");
	CALL(ENOSPC, unshare, CLONE_NEWUTS);
}

static void clone_excluding(void) { CALL(EINVAL, clone, CLONE_NEWNS | CLONE_FS | SIGCHLD, 0, 0, 0, 0); }

static void clone_pid_twice(void)
{
	MUST(unshare(CLONE_NEWPID));
	CALL(EINVAL, clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0);
}

static void clone3_excluding(void)
{
	struct clone_args args = { .flags = CLONE_NEWUSER | CLONE_FS, .exit_signal = SIGCHLD };

	CALL(EINVAL, clone3, &args, sizeof(args));
}

static void clone3_unprivileged(void)
{
	struct clone_args args = { .flags = CLONE_NEWNET, .exit_signal = SIGCHLD };

	drop_privileges();
	CALL(EPERM, clone3, &args, sizeof(args));
}

static void fsopen_unknown(void) { CALL(EINVAL, fsopen, "proc", 0x80); }

static void fsopen_no_type(void) { CALL(ENODEV, fsopen, "nonesuch", 0); }

static void fsopen_unprivileged(void)
{
	drop_privileges();
	CALL(EPERM, fsopen, "proc", 0);
}

static void fspick_unknown(void) { CALL(EINVAL, fspick, AT_FDCWD, ".", 0x80); }

static void fspick_no_root(void) { CALL(EINVAL, fspick, AT_FDCWD, "/proc/self", 0); }

static void fspick_unprivileged(void)
{
	drop_privileges();
	CALL(EPERM, fspick, AT_FDCWD, ".", 0);
}

static void fsconfig_negative(void) { CALL(EINVAL, fsconfig, -1, FSCONFIG_CMD_CREATE, NULL, NULL, 0); }

static void fsconfig_not_open(void) { CALL(EBADF, fsconfig, 1000, FSCONFIG_CMD_CREATE, NULL, NULL, 0); }

static void fsconfig_no_command(void) { CALL(EOPNOTSUPP, fsconfig, procfs_context(), 99, NULL, NULL, 0); }

static void fsconfig_arguments(void)
{
	CALL(EINVAL, fsconfig, procfs_context(), FSCONFIG_SET_FLAG, "ro", "value", 0);
}

static void fsconfig_no_context(void)
{
	CALL(EINVAL, fsconfig, open_file("/dev/null", O_RDONLY), FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static void fsconfig_value(void)
{
	CALL(EINVAL, fsconfig, procfs_context(), FSCONFIG_SET_STRING, "hidepid", "010", 0);
}

static void fsconfig_kind(void) { CALL(EINVAL, fsconfig, procfs_context(), FSCONFIG_SET_FLAG, "gid", NULL, 0); }

static void fsconfig_key(void) { CALL(EINVAL, fsconfig, procfs_context(), FSCONFIG_SET_FLAG, "nosuid", NULL, 0); }

static void fsconfig_source(void)
{
	int fd = procfs_context();

	CALL(OK, fsconfig, fd, FSCONFIG_SET_STRING, "source", "a", 0);
	CALL(EINVAL, fsconfig, fd, FSCONFIG_SET_STRING, "source", "b", 0);
}

static void fsconfig_pidns_other(void)
{
	CALL(EINVAL, fsconfig, procfs_context(), FSCONFIG_SET_FD, "pidns", NULL, open_ns("uts"));
}

static void fsconfig_pidns_not_open(void)
{
	CALL(EBADF, fsconfig, procfs_context(), FSCONFIG_SET_FD, "pidns", NULL, 1000);
}

static void fsconfig_pidns_above(void)
{
	int above = open_ns("pid");

	MUST(unshare(CLONE_NEWPID));
	in_child();
	CALL(EINVAL, fsconfig, procfs_context(), FSCONFIG_SET_FD, "pidns", NULL, above);
}

static void fsconfig_pidns_unprivileged(void)
{
	int fd = procfs_context(), pidns = open_ns("pid");

	drop_privileges();
	CALL(EPERM, fsconfig, fd, FSCONFIG_SET_FD, "pidns", NULL, pidns);
}

static void fsconfig_pidns_fixed(void)
{
	CALL(EBUSY, fsconfig, procfs_picked(), FSCONFIG_SET_STRING, "pidns", "/proc/self/ns/pid", 0);
}

static void fsconfig_create_twice(void)
{
	CALL(EBUSY, fsconfig, procfs_created(), FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static void fsconfig_set_late(void) { CALL(EBUSY, fsconfig, procfs_created(), FSCONFIG_SET_FLAG, "ro", NULL, 0); }

static void fsconfig_other_kind(void)
{
	CALL(EBUSY, fsconfig, procfs_context(), FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

static void fsconfig_failed(void)
{
	int fd = procfs_picked();

	CALL(OK, fsconfig, fd, FSCONFIG_SET_FLAG, "dirsync", NULL, 0);
	CALL(EINVAL, fsconfig, fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
	CALL(EBUSY, fsconfig, fd, FSCONFIG_SET_FLAG, "ro", NULL, 0);
}

static void fsconfig_dirsync(void)
{
	int fd = procfs_picked();

	CALL(OK, fsconfig, fd, FSCONFIG_SET_FLAG, "dirsync", NULL, 0);
	CALL(EINVAL, fsconfig, fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

static void fsconfig_create_unprivileged(void)
{
	int fd = procfs_context();

	drop_privileges();
	CALL(EPERM, fsconfig, fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

static void fsconfig_reconfigure_unprivileged(void)
{
	int fd = procfs_picked();

	drop_privileges();
	CALL(EPERM, fsconfig, fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
}

static void fsmount_unknown(void) { CALL(EINVAL, fsmount, procfs_created(), 0x80, 0); }

static void fsmount_attributes(void) { CALL(EINVAL, fsmount, procfs_created(), 0, MOUNT_ATTR_IDMAP); }

static void fsmount_atime(void)
{
	CALL(EINVAL, fsmount, procfs_created(), 0, MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME);
}

static void fsmount_no_context(void) { CALL(EINVAL, fsmount, open_file("/dev/null", O_RDONLY), 0, 0); }

static void fsmount_not_open(void) { CALL(EBADF, fsmount, 1000, 0, 0); }

static void fsmount_early(void) { CALL(EINVAL, fsmount, procfs_context(), 0, 0); }

static void fsmount_twice(void)
{
	int fd = procfs_created();

	CALL(OK, fsmount, fd, 0, 0);
	CALL(EBUSY, fsmount, fd, 0, 0);
}

static void fsmount_picked(void) { CALL(EBUSY, fsmount, procfs_picked(), 0, 0); }

static void fsmount_unprivileged(void)
{
	int fd = procfs_created();

	drop_privileges();
	CALL(EPERM, fsmount, fd, 0, 0);
}

static void fsmount_revealing(void)
{
	behind_overmount();
	CALL(EPERM, fsmount, procfs_created(), 0, 0);
}

static void mount_revealing(void)
{
	behind_overmount();
	CALL(EPERM, mount, "proc", ".", "proc", 0, NULL);
}

static void mount_unprivileged(void)
{
	drop_privileges();
	CALL(EPERM, mount, "proc", ".", "proc", 0, NULL);
}

static void mount_value(void) { CALL(EINVAL, mount, "proc", ".", "proc", 0, "gid=5,hidepid=3"); }

static void mount_key(void) { CALL(EINVAL, mount, "proc", ".", "proc", 0, "hidepid=2,nosuid"); }

static void mount_pidns_fixed(void)
{
	MUST(mkdir("proc", 0755));
	CALL(OK, mount, "proc", "proc", "proc", 0, NULL);
	CALL(EBUSY, mount, NULL, "proc", NULL, MS_REMOUNT, "hidepid=2,pidns=/proc/self/ns/pid");
}

static void move_mount_unknown(void) { CALL(EINVAL, move_mount, AT_FDCWD, ".", AT_FDCWD, ".", 0x8000); }

static void open_tree_unknown(void) { CALL(EINVAL, open_tree, AT_FDCWD, ".", 0x10); }

static void open_tree_recursive(void) { CALL(EINVAL, open_tree, AT_FDCWD, ".", AT_RECURSIVE); }

static void open_tree_unprivileged(void)
{
	drop_privileges();
	CALL(EPERM, open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE);
}

static void mount_setattr_unknown(void)
{
	struct mount_attr attr = { .attr_set = 1ULL << 40 };

	CALL(EINVAL, mount_setattr, AT_FDCWD, ".", 0, &attr, sizeof(attr));
}

static void mount_setattr_size(void)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY };

	CALL(EINVAL, mount_setattr, AT_FDCWD, ".", 0, &attr, 16);
}

static void mount_setattr_propagation(void)
{
	struct mount_attr attr = { .propagation = MS_SHARED | MS_PRIVATE };

	CALL(EINVAL, mount_setattr, AT_FDCWD, ".", 0, &attr, sizeof(attr));
}

static void mount_setattr_long(void)
{
	struct mount_attr attrs[2] = { { .attr_set = MOUNT_ATTR_RDONLY }, { .attr_set = 1 } };

	CALL(E2BIG, mount_setattr, AT_FDCWD, ".", 0, attrs, sizeof(attrs));
}

static void chroot_unprivileged(void)
{
	drop_privileges();
	CALL(EPERM, chroot, ".");
}

/* Before Linux 7.3 the kernel does not have it. */
static void fchroot_flags(void) { CALL(EINVAL, fchroot, -1, 1); }

static void pivot_root_unprivileged(void)
{
	drop_privileges();
	CALL(EPERM, pivot_root, ".", ".");
}

static const struct {
	const char *name;
	void (*run)(void);
} cases[] = {
	{ "setns-not-open", setns_not_open },
	{ "setns-path-only", setns_path_only },
	{ "setns-other-file", setns_other_file },
	{ "setns-other-type", setns_other_type },
	{ "setns-own-user", setns_own_user },
	{ "setns-user-threads", setns_user_threads },
	{ "setns-mnt-threads", setns_mnt_threads },
	{ "setns-pid-above", setns_pid_above },
	{ "setns-time-threads", setns_time_threads },
	{ "setns-uts-unprivileged", setns_uts_unprivileged },
	{ "setns-mnt-unprivileged", setns_mnt_unprivileged },
	{ "setns-user-unprivileged", setns_user_unprivileged },
	{ "setns-filtered", setns_filtered },
	{ "setns-answered", setns_answered },
	{ "pidfd-without-type", pidfd_without_type },
	{ "pidfd-unknown-type", pidfd_unknown_type },
	{ "pidfd-own-user", pidfd_own_user },
	{ "pidfd-pid-above", pidfd_pid_above },
	{ "pidfd-ended", pidfd_ended },
	{ "pidfd-unprivileged", pidfd_unprivileged },
	{ "unshare-unknown", unshare_unknown },
	{ "unshare-threads", unshare_threads },
	{ "unshare-pid-twice", unshare_pid_twice },
	{ "unshare-pid-foreign", unshare_pid_foreign },
	{ "unshare-unprivileged", unshare_unprivileged },
	{ "unshare-chrooted", unshare_chrooted },
	{ "unshare-filtered", unshare_filtered },
	{ "unshare-limit", unshare_limit },
	{ "clone-excluding", clone_excluding },
	{ "clone-pid-twice", clone_pid_twice },
	{ "clone3-excluding", clone3_excluding },
	{ "clone3-unprivileged", clone3_unprivileged },
	{ "fsopen-unknown", fsopen_unknown },
	{ "fsopen-no-type", fsopen_no_type },
	{ "fsopen-unprivileged", fsopen_unprivileged },
	{ "fspick-unknown", fspick_unknown },
	{ "fspick-no-root", fspick_no_root },
	{ "fspick-unprivileged", fspick_unprivileged },
	{ "fsconfig-negative", fsconfig_negative },
	{ "fsconfig-not-open", fsconfig_not_open },
	{ "fsconfig-no-command", fsconfig_no_command },
	{ "fsconfig-arguments", fsconfig_arguments },
	{ "fsconfig-no-context", fsconfig_no_context },
	{ "fsconfig-value", fsconfig_value },
	{ "fsconfig-kind", fsconfig_kind },
	{ "fsconfig-key", fsconfig_key },
	{ "fsconfig-source", fsconfig_source },
	{ "fsconfig-pidns-other", fsconfig_pidns_other },
	{ "fsconfig-pidns-not-open", fsconfig_pidns_not_open },
	{ "fsconfig-pidns-above", fsconfig_pidns_above },
	{ "fsconfig-pidns-unprivileged", fsconfig_pidns_unprivileged },
	{ "fsconfig-pidns-fixed", fsconfig_pidns_fixed },
	{ "fsconfig-create-twice", fsconfig_create_twice },
	{ "fsconfig-set-late", fsconfig_set_late },
	{ "fsconfig-other-kind", fsconfig_other_kind },
	{ "fsconfig-failed", fsconfig_failed },
	{ "fsconfig-dirsync", fsconfig_dirsync },
	{ "fsconfig-create-unprivileged", fsconfig_create_unprivileged },
	{ "fsconfig-reconfigure-unprivileged", fsconfig_reconfigure_unprivileged },
	{ "fsmount-unknown", fsmount_unknown },
	{ "fsmount-attributes", fsmount_attributes },
	{ "fsmount-atime", fsmount_atime },
	{ "fsmount-no-context", fsmount_no_context },
	{ "fsmount-not-open", fsmount_not_open },
	{ "fsmount-early", fsmount_early },
	{ "fsmount-twice", fsmount_twice },
	{ "fsmount-picked", fsmount_picked },
	{ "fsmount-unprivileged", fsmount_unprivileged },
	{ "fsmount-revealing", fsmount_revealing },
	{ "mount-revealing", mount_revealing },
	{ "mount-unprivileged", mount_unprivileged },
	{ "mount-value", mount_value },
	{ "mount-key", mount_key },
	{ "mount-pidns-fixed", mount_pidns_fixed },
	{ "move-mount-unknown", move_mount_unknown },
	{ "open-tree-unknown", open_tree_unknown },
	{ "open-tree-recursive", open_tree_recursive },
	{ "open-tree-unprivileged", open_tree_unprivileged },
	{ "mount-setattr-unknown", mount_setattr_unknown },
	{ "mount-setattr-size", mount_setattr_size },
	{ "mount-setattr-propagation", mount_setattr_propagation },
	{ "mount-setattr-long", mount_setattr_long },
	{ "chroot-unprivileged", chroot_unprivileged },
	{ "fchroot-flags", fchroot_flags },
	{ "pivot-root-unprivileged", pivot_root_unprivileged },
};

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (strcmp(name, "--list") == 0)
			puts(cases[i].name);
		if (argc < 3 || strcmp(name, cases[i].name) != 0)
			continue;
		MUST(unshare(CLONE_NEWNS));
		MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
		MUST(mount("none", argv[2], "tmpfs", MS_NOSUID | MS_NODEV, "mode=777"));
		MUST(chdir(argv[2]));
		cases[i].run();
		end_others();
		return 0;
	}
	return strcmp(name, "--list") == 0 ? 0 : 2;
}
