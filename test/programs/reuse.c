/*
 * Opens and closes fs contexts again and again: the kernel gives the next one the memory of the last. Each context is
 * told apart by the `source` that it is given, THREAD-ROUND.
 *
 * Says that it is done, and ends with its stdin.
 *
 * usage: reuse ROUNDS            fsopen(2) and close(2) alone
 *        reuse ROUNDS THREADS    from that many threads, with fsconfig(2) between, each round with another type
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <pthread.h>

#include "call.h"

static const char *const types[] = { "proc", "tmpfs", "ramfs", "devpts" };
static int rounds;

static void *run(void *argument)
{
	long thread = (long)argument;
	char source[64];

	for (int round = 0; round < rounds; round++) {
		int context = CALL(OK, fsopen, types[(thread + round) % 4], FSOPEN_CLOEXEC);

		snprintf(source, sizeof(source), "%ld-%d", thread, round);
		CALL(OK, fsconfig, context, FSCONFIG_SET_STRING, "source", source, 0);
		MUST(close(context));
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[16];
	long count = argc > 2 ? atol(argv[2]) : 0;

	rounds = argc > 1 ? atoi(argv[1]) : 0;
	if (count > 16)
		return 2;
	for (int round = 0; !count && round < rounds; round++)
		MUST(close(CALL(OK, fsopen, types[round % 4], 0)));
	for (long i = 0; i < count; i++)
		pthread_create(&threads[i], NULL, run, (void *)i);
	for (long i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	puts("done");
	fflush(stdout);
	getchar();
	return 0;
}
