/*
 * latency COUNT SILENCE: how long a tracer, whose lines come on stdin, takes to report a call. Makes a setns(2) with a
 * descriptor that no other call has, waits for the line that has it, prints the nanoseconds between, and is silent for
 * SILENCE milliseconds; COUNT times, a second after the first line came. Prints -1 for a call that is not
 * reported within two seconds.
 */
#define _GNU_SOURCE
#include <err.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MILLISECOND 1000000LL
#define PATIENCE_MS 2000
#define START_MS 50
#define STARTS 600
/* What a tracer does at first, as looking at what runs already, is over by then. */
#define SETTLED_MS 1000
/* Descriptors start here, so that they all have the same number of digits. */
#define FIRST 100000

static char buffer[1 << 20];

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000 * MILLISECOND + time.tv_nsec;
}

/* Reads until `sign` comes, and returns when that was; -1 after `patience` milliseconds. */
static long long arrival(const char *sign, long long patience)
{
	long long until = now() + patience * MILLISECOND;
	struct pollfd in = { .fd = 0, .events = POLLIN };
	size_t length = strlen(sign), used = 0;

	for (;;) {
		long long left = (until - now()) / MILLISECOND;
		ssize_t got;

		if (left <= 0 || poll(&in, 1, left) == 0)
			return -1;
		got = read(0, buffer + used, sizeof(buffer) - used);
		if (got <= 0)
			errx(1, "the tracer has ended");
		used += got;
		if (memmem(buffer, used, sign, length))
			return now();
		/* the sign may be split between two reads */
		if (used >= length) {
			memmove(buffer, buffer + used - (length - 1), length - 1);
			used = length - 1;
		}
	}
}

static long long measure(int descriptor, long long patience)
{
	long long start, end;
	char sign[32];

	snprintf(sign, sizeof(sign), "\"fd\":-%d", descriptor);
	start = now();
	setns(-descriptor, 0);
	end = arrival(sign, patience);
	return end < 0 ? -1 : end - start;
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[1]) : 0, silence = argc > 2 ? atoi(argv[2]) : 0;
	int descriptor = FIRST, starts = 0;

	if (count <= 0 || silence <= 0)
		errx(2, "usage: latency COUNT SILENCE");
	while (measure(descriptor++, START_MS) < 0)
		if (++starts == STARTS)
			errx(1, "the tracer reported nothing within %d s", STARTS * START_MS / 1000);
	usleep(SETTLED_MS * 1000);
	for (int i = 0; i < count; i++) {
		usleep(silence * 1000);
		printf("%lld\n", measure(descriptor++, PATIENCE_MS));
	}
	return 0;
}
