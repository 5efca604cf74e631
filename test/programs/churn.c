/*
 * churn RATE MILLISECONDS: that many starts a second of something like a container, each of which lives for LIFE_MS: a
 * process in mnt, pid, uts and ipc namespaces of its own with a procfs of its own. Prints how many were started.
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC)
#define LIFE_MS 20
#define STACK_SIZE (64 * 1024)

static void wait_ms(long ms)
{
	struct timespec time = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&time, NULL);
}

static int container(void *unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) || mount("proc", "/proc", "proc", 0, NULL))
		err(1, "mount");
	wait_ms(LIFE_MS);
	_exit(0);
}

static long long now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

/* Takes what has ended; until none is left with `all`. */
static void reap(int all)
{
	int status;

	while (waitpid(-1, &status, all ? 0 : WNOHANG) > 0)
		if (status)
			errx(1, "a container ended with status %x", status);
}

int main(int argc, char **argv)
{
	long rate = argc == 3 ? atol(argv[1]) : 0, ms = argc == 3 ? atol(argv[2]) : 0, started = 0;
	static char stack[STACK_SIZE];
	long long begun = now_us();

	if (rate < 1 || ms < 1)
		errx(2, "usage: churn RATE MILLISECONDS");
	while (started < rate * ms / 1000) {
		long long due = begun + started * 1000000LL / rate, now = now_us();

		if (due > now)
			usleep(due - now);
		if (clone(container, stack + STACK_SIZE, NAMESPACES | SIGCHLD, NULL) < 0)
			err(1, "clone");
		started++;
		reap(0);
	}
	reap(1);
	printf("%ld\n", started);
	return 0;
}
