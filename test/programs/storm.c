/*
 * System calls in numbers, counted by whoever makes them: when a process ends it prints for each kind its pid, the
 * call, the errno that it ended with (0: it succeeded) and how often it was made.
 *
 * usage: storm failing MILLISECONDS PROCESSES    from every core as fast as they can; one process ends after another
 *        storm succeeding MILLISECONDS           the same for calls that succeed, from one process
 *        storm modest COUNT RATE                 COUNT of each kind, RATE a second of all
 *        storm short PROCESSES                   processes that make one call of each kind that fails, one after another
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "call.h"

#define MAX_THREADS 64
#define KINDS 5
#define SUCCEEDING 4

static const char *const names[KINDS] = { "setns", "setns", "umount2", "unshare", "setns" };
static const int errors[KINDS] = { EBADF, EINVAL, ENOENT, EINVAL, 0 };

static int null_file, own_uts;
/* Of the process itself; of `storm short` of all. */
static long *counts;

static void call(int kind)
{
	long ret = -1;

	switch (kind) {
	case 0:
		ret = syscall(SYS_setns, -1, 0);
		break;
	case 1:
		ret = syscall(SYS_setns, null_file, 0);
		break;
	case 2:
		ret = syscall(SYS_umount2, "/nowhere", 0);
		break;
	case 3:
		ret = syscall(SYS_unshare, 1);
		break;
	case SUCCEEDING:
		ret = syscall(SYS_setns, own_uts, CLONE_NEWUTS);
		break;
	}
	if (errors[kind] ? ret != -1 || errno != errors[kind] : ret != 0) {
		fprintf(stderr, "%s: %s\n", names[kind], strerror(errno));
		exit(1);
	}
	__atomic_fetch_add(&counts[kind], 1, __ATOMIC_RELAXED);
}

static long long milliseconds(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static void print_counts(void)
{
	for (int kind = 0; kind < KINDS; kind++)
		if (counts[kind])
			printf("%d %s %d %ld\n", getpid(), names[kind], errors[kind], counts[kind]);
	fflush(stdout);
}

static long long deadline;
static int only_succeeding;

static void *run(void *unused)
{
	for (int turn = 0; milliseconds() < deadline; turn++)
		for (int i = 0; i < 100; i++)
			call(only_succeeding ? SUCCEEDING : turn % SUCCEEDING);
	return unused;
}

static void run_threads(long long until)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	pthread_t threads[MAX_THREADS];

	if (cores > MAX_THREADS)
		cores = MAX_THREADS;
	deadline = until;
	for (long i = 0; i < cores; i++)
		pthread_create(&threads[i], NULL, run, NULL);
	for (long i = 0; i < cores; i++)
		pthread_join(threads[i], NULL);
	print_counts();
}

static int reap_all(void)
{
	int status, failed = 0;

	while (wait(&status) > 0)
		failed |= status;
	return failed ? 1 : 0;
}

static int fail(long duration, int processes)
{
	long long start = milliseconds();

	for (int i = 1; i <= processes; i++)
		if (MUST(fork()) == 0) {
			run_threads(start + duration * i / processes);
			return 0;
		}
	return reap_all();
}

static int be_modest(long count, long rate)
{
	struct timespec pause = { .tv_nsec = 1000000000 / rate };

	for (long i = 0; i < count; i++)
		for (int kind = 0; kind < KINDS; kind++) {
			call(kind);
			nanosleep(&pause, NULL);
		}
	print_counts();
	return 0;
}

static int be_short(long processes)
{
	counts = mmap(NULL, KINDS * sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (long i = 0; i < processes; i++) {
		if (MUST(fork()) == 0) {
			for (int kind = 0; kind < SUCCEEDING; kind++)
				call(kind);
			_exit(0);
		}
		wait(NULL);
	}
	print_counts();
	return 0;
}

int main(int argc, char **argv)
{
	static long own[KINDS];
	const char *what = argc > 2 ? argv[1] : "";
	long number = argc > 2 ? atol(argv[2]) : 0;

	counts = own;
	null_file = MUST(open("/dev/null", O_RDONLY));
	own_uts = MUST(open("/proc/self/ns/uts", O_RDONLY));
	if (!strcmp(what, "failing") && argc > 3)
		return fail(number, atoi(argv[3]));
	if (!strcmp(what, "modest") && argc > 3)
		return be_modest(number, atol(argv[3]));
	if (!strcmp(what, "short"))
		return be_short(number);
	if (strcmp(what, "succeeding"))
		return 2;
	only_succeeding = 1;
	run_threads(milliseconds() + number);
	return 0;
}
