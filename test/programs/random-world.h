/* Where random calls are made: namespaces and a root of their own, with nothing of the host in reach. */
#pragma once

#include "random-children.h"

#define SIGKILL 9
#define PR_SET_PDEATHSIG 1
#define O_PATH 010000000
#define O_DIRECTORY 0200000
#define O_CREAT 0100
#define O_RDWR 2

static void end(int status)
{
	call(NR_exit_group, status, 0, 0, 0, 0);
	__builtin_unreachable();
}

/* A step of the preparation that failed ends the program with its line as the status. */
#define MUST(expression) must(expression, __LINE__)
static long must(long ret, int line)
{
	if (ret < 0)
		end(line & 0x7f ? line & 0x7f : 1);
	return ret;
}

/* A process in namespaces of its own that does nothing until the round ends. */
static void sleep_on(void *argument)
{
	(void)argument;
	for (;;)
		call(NR_pause, 0, 0, 0, 0, 0);
}

static void open_namespaces(const char *pid, u32 from)
{
	static const char *const links[] = {
		"mnt", "uts", "ipc", "net", "pid", "user", "cgroup", "time", "pid_for_children",
	};
	static char path[64];

	for (u32 i = 0; i < ELEMENTS(links); i++) {
		u32 at = 6;

		memcpy(path, "/proc/", at);
		memcpy(path + at, pid, length(pid));
		at += length(pid);
		memcpy(path + at, "/ns/", 4);
		memcpy(path + at + 4, links[i], length(links[i]) + 1);
		descriptors[from + i] = MUST(call(NR_openat, AT_FDCWD, (long)path, 0, 0, 0));
	}
}

/* A root of its own, in which there is nothing but what is made here, and descriptors of each kind. */
static void prepare(void)
{
	static const struct task sleeper = { sleep_on, 0 };
	static const long ignore[8] = { 1 };	/* struct sigaction with SIG_IGN */
	const u32 apart = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP | SIGCHLD;
	long file;

	MUST(call(NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
	for (int signal = 1; signal <= 64; signal++)
		call(NR_rt_sigaction, signal, (long)ignore, 0, 8, 0);
	MUST(call(NR_mount, 0, (long)"/", 0, MS_REC | MS_PRIVATE, 0));
	MUST(call(NR_mount, (long)"none", (long)"/tmp", (long)"tmpfs", 0, (long)"size=1m,nr_inodes=1k"));
	MUST(call(NR_chdir, (long)"/tmp", 0, 0, 0, 0));
	MUST(call(NR_pivot_root, (long)".", (long)".", 0, 0, 0));
	MUST(call(NR_umount2, (long)".", MNT_DETACH, 0, 0, 0));
	MUST(call(NR_chdir, (long)"/", 0, 0, 0, 0));
	MUST(call(NR_mkdir, (long)"proc", 0755, 0, 0, 0));
	MUST(call(NR_mkdir, (long)"a", 0755, 0, 0, 0));
	MUST(call(NR_mkdir, (long)"b", 0755, 0, 0, 0));
	MUST(call(NR_mkdir, (long)"c", 0755, 0, 0, 0));
	MUST(call(NR_mkdir, (long)"a/x", 0755, 0, 0, 0));
	MUST(call(NR_mkdir, (long)"b/x", 0755, 0, 0, 0));
	MUST(call(NR_symlink, (long)"a", (long)"link", 0, 0, 0));
	MUST(call(NR_mount, (long)"proc", (long)"/proc", (long)"proc", 0, 0));
	for (u32 i = 0; i < DESCRIPTORS; i++)
		descriptors[i] = -1;
	file = MUST(call(NR_openat, AT_FDCWD, (long)"f", O_CREAT | O_RDWR, 0644, 0));
	/* What the host gave is out of reach from here on. */
	for (int fd = 0; fd < 3; fd++)
		MUST(call(NR_dup2, file, fd, 0, 0, 0));
	descriptors[0] = MUST(call(NR_openat, AT_FDCWD, (long)"/", O_DIRECTORY, 0, 0));
	descriptors[1] = MUST(call(NR_openat, AT_FDCWD, (long)"a", O_PATH, 0, 0));
	descriptors[2] = file;
	MUST(spawn(NR_clone, apart, 0, 0, 0, 0, &sleeper));
	MUST(spawn(NR_clone, apart | CLONE_NEWUSER, 0, 0, 0, 0, &sleeper));
	descriptors[3] = MUST(call(NR_pidfd_open, 1, 0, 0, 0, 0));
	descriptors[4] = MUST(call(NR_pidfd_open, 2, 0, 0, 0, 0));
	descriptors[5] = MUST(call(NR_pidfd_open, 3, 0, 0, 0, 0));
	open_namespaces("self", NAMESPACES);
	open_namespaces("3", NAMESPACES + 9);
}
