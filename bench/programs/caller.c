/*
 * caller CALL COUNT [RATE]: makes COUNT calls (0: until SIGTERM), RATE a second in even steps of a millisecond or as
 * fast as it can, on one CPU. CALL is
 *
 *	setns	setns(-1, 0), which fails at once and needs no privilege
 *	uts	setns(2) into the uts namespace that it is in, which succeeds
 *	getppid	a call that no tracer is interested in
 *
 * Prints how many were made, the CPU time that this thread spent and the time that passed, in nanoseconds.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clock.h"

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static void wait_until(long long at)
{
	struct timespec until = { .tv_sec = at / SECOND, .tv_nsec = at % SECOND };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

int main(int argc, char **argv)
{
	const char *call = argc > 2 ? argv[1] : "";
	long count = argc > 2 ? atol(argv[2]) : 0, rate = argc > 3 ? atol(argv[3]) : 0;
	long step = rate > 1000 ? rate / 1000 : 1, made = 0;
	long number, first = 0, second = 0;
	long long start, cpu;

	if (!strcmp(call, "setns")) {
		number = SYS_setns;
		first = -1;
	} else if (!strcmp(call, "uts")) {
		number = SYS_setns;
		first = open("/proc/self/ns/uts", O_RDONLY | O_CLOEXEC);
		second = CLONE_NEWUTS;
		if (first < 0 || syscall(number, first, second))
			err(1, "setns to the own uts namespace");
		made++;
	} else if (!strcmp(call, "getppid")) {
		number = SYS_getppid;
	} else {
		errx(2, "usage: caller setns|uts|getppid COUNT [RATE]");
	}
	signal(SIGTERM, end);
	/* endless calls must not outlive a benchmark that was killed */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	pin();

	start = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_THREAD_CPUTIME_ID);
	if (rate) {
		for (long i = 0; (!count || made < count) && !ended; i++, made++) {
			if (i % step == 0)
				wait_until(start + i * (SECOND / rate));
			syscall(number, first, second);
		}
	} else {
		for (; (!count || made < count) && !ended; made++)
			syscall(number, first, second);
	}
	cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
	printf("%ld %lld %lld\n", made, cpu, now(CLOCK_MONOTONIC) - start);
	return 0;
}
