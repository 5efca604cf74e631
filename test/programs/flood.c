/*
 * setns(-1, 0): a call that fails at once and needs no privilege. flood COUNT [RATE] makes COUNT of them, RATE
 * a second in even steps of a millisecond, or as fast as it can; COUNT 0 is for ever.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdlib.h>
#include <time.h>

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 1, rate = argc > 2 ? atol(argv[2]) : 0;
	struct timespec start, until;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (long i = 0; !count || i < count; i++) {
		if (rate && i % (rate > 1000 ? rate / 1000 : 1) == 0) {
			long long ns = start.tv_nsec + i * (1000000000LL / rate);

			until.tv_sec = start.tv_sec + ns / 1000000000;
			until.tv_nsec = ns % 1000000000;
			clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		}
		setns(-1, 0);
	}
	return 0;
}
