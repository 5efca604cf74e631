/*
 * containers COUNT MOUNTS: makes that many containers without a runtime, says "ready" when all of them stand, has CHANGED
 * of them mount and unmount something for each line of its input and says "changed", and ends them when that ends. Each is one process in mnt, pid, uts and ipc namespaces of its own, whose root is a tmpfs
 * that holds a procfs of its own and bind mounts, MOUNTS in all with the root.
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)
#define FOLDER "/tmp/keyhole-bench-containers"
/* in each hundred */
#define CHANGED 1
#define STACK_SIZE (64 * 1024)

static int mounts;
static int ready[2];

static void must(int failed, const char *what)
{
	if (failed)
		err(1, "%s", what);
}

static void change(int signal)
{
	(void)signal;
	must(mount("/data", "/proc/sys", NULL, MS_BIND, NULL) || umount2("/proc/sys", 0), "a change");
	must(write(ready[1], "", 1) != 1, "write");
}

static int container(void *unused)
{
	char path[32];

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "making the mounts private");
	must(mount("root", FOLDER, "tmpfs", 0, "size=1m"), "the root");
	must(chdir(FOLDER), "chdir");
	must(mkdir("proc", 0555) || mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL), "procfs");
	must(mkdir("old", 0700) || mkdir("data", 0755), "mkdir");
	for (int i = 2; i < mounts; i++) {
		snprintf(path, sizeof(path), "data/volume-%d", i);
		must(mkdir(path, 0755), path);
		must(mount(path, path, NULL, MS_BIND, NULL), path);
	}
	signal(SIGUSR1, change);
	must(syscall(SYS_pivot_root, ".", "old"), "pivot_root");
	must(chdir("/") || umount2("old", MNT_DETACH), "leaving the old root");
	must(write(ready[1], "", 1) != 1, "write");
	for (;;)
		pause();
	return 0;
}

static void on_end_of_child(int signal)
{
	(void)signal;
	_exit(1);
}

int main(int argc, char **argv)
{
	int count = argc == 3 ? atoi(argv[1]) : 0, changed;
	pid_t *pids;
	static char stack[STACK_SIZE];
	char byte;

	mounts = argc == 3 ? atoi(argv[2]) : 0;
	if (count < 1 || mounts < 2)
		errx(2, "usage: containers COUNT MOUNTS");
	mkdir(FOLDER, 0700);
	must(pipe(ready), "pipe");
	/* none ends before this process does, unless it failed and has said so */
	signal(SIGCHLD, on_end_of_child);
	/* no CLONE_VM: the child has a copy of the stack, which the next may use again */
	pids = calloc(count, sizeof(*pids));
	must(!pids, "memory");
	for (int i = 0; i < count; i++) {
		pids[i] = clone(container, stack + STACK_SIZE, NAMESPACES | SIGCHLD, NULL);
		must(pids[i] < 0, "clone");
		must(read(ready[0], &byte, 1) != 1, "a container");
	}
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0) {
		changed = (count * CHANGED + 99) / 100;
		for (int i = 0; i < changed; i++) {
			must(kill(pids[i], SIGUSR1), "kill");
			must(read(ready[0], &byte, 1) != 1, "a change");
		}
		puts("changed");
		fflush(stdout);
	}
	return 0;
}
