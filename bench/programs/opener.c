/*
 * opener PATH COUNT: opens a file for reading and closes it, COUNT times, on one CPU. Prints how often that was, the CPU time
 * that this thread spent and the time that passed, in nanoseconds.
 */
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <signal.h>
#include <unistd.h>

#include "clock.h"

int main(int argc, char **argv)
{
	long count = argc == 3 ? atol(argv[2]) : 0;
	long long start, cpu;

	if (count <= 0)
		errx(2, "usage: opener PATH COUNT");
	/* must not outlive a benchmark that was killed */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pin();
	start = now(CLOCK_MONOTONIC);
	cpu = now(CLOCK_THREAD_CPUTIME_ID);
	for (long i = 0; i < count; i++) {
		int fd = open(argv[1], O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			err(1, "%s", argv[1]);
		close(fd);
	}
	cpu = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
	printf("%ld %lld %lld\n", count, cpu, now(CLOCK_MONOTONIC) - start);
	return 0;
}
