/*
 * Two processes mount in the same namespace at once, round by round. After each mount(2) they print, behind the number
 * of the process, what came of it: the mount that has the source PROCESS-ROUND.
 *
 * usage: pair FOLDER ROUNDS apart    each on a directory of its own, which it unmounts now and then
 *        pair FOLDER ROUNDS same     both on the same one, one on top of the other
 */
#define _GNU_SOURCE
#include <linux/mount.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "newest.h"

/* Rounds after which everything is taken away at once: one umount2(2) of many mounts takes as long as one of one. */
#define BATCH 50
/* More than the other can have mounted since. */
#define RECENT 8
#define UMOUNT_EVERY 25
#define MNT_DETACH 2

/* How often each process has come to the barrier. */
static volatile long *arrived;

/* Waits for the other one, without sleep, so that both go on at the same time. */
static void wait_for_other(int process)
{
	long turn = ++arrived[process];

	for (int spins = 1; arrived[!process] < turn; spins++)
		if (spins % 1000 == 0)
			sched_yield();
}

static int find(const char *source, struct mount_status *status)
{
	uint64_t ids[RECENT];
	long count = newest_mounts(ids, RECENT);

	for (long i = 0; i < count; i++) {
		struct mount_request request = { .size = sizeof(request), .mount = ids[i], .param = WANTED };

		/* the other may have unmounted it since */
		if (syscall(NR_statmount, &request, status, sizeof(*status), 0) == 0 &&
		    strcmp(status->text + status->source, source) == 0)
			return 1;
	}
	return 0;
}

static void begin_batch(int process, const char *folder, int is_first)
{
	char path[32];

	MUST(chdir("/"));
	wait_for_other(process);
	if (process == 0) {
		if (!is_first)
			CALL(OK, umount2, folder, MNT_DETACH);
		CALL(OK, mount, "batch", folder, "tmpfs", 0, NULL);
		MUST(chdir(folder));
		for (int i = 0; i < BATCH; i++)
			for (int owner = 0; owner < 2; owner++) {
				snprintf(path, sizeof(path), "%d-%d", owner, i);
				MUST(mkdir(path, 0755));
			}
	}
	wait_for_other(process);
	MUST(chdir(folder));
}

static void work(int process, const char *folder, long rounds, int same)
{
	static struct mount_status status;
	char source[32], target[32];

	for (long round = 0; round < rounds; round++) {
		if (round % BATCH == 0)
			begin_batch(process, folder, round == 0);
		snprintf(source, sizeof(source), "%d-%ld", process, round);
		snprintf(target, sizeof(target), "%d-%ld", same ? 0 : process, round % BATCH);
		wait_for_other(process);
		CALL(OK, mount, source, target, "proc", 0, process ? "gid=1" : "gid=2");
		if (!find(source, &status)) {
			fprintf(stderr, "%s is not there\n", source);
			exit(1);
		}
		printf("%d ", process);
		print_mount(stdout, &status);
		if (!same && round % UMOUNT_EVERY == 0)
			CALL(OK, umount2, target, 0);
	}
}

int main(int argc, char **argv)
{
	pid_t children[2];
	int status;

	if (argc < 4)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
	arrived = mmap(NULL, 2 * sizeof(*arrived), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CALL(OK, mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	for (int i = 0; i < 2; i++) {
		children[i] = MUST(fork());
		if (children[i] == 0) {
			work(i, argv[1], atol(argv[2]), strcmp(argv[3], "same") == 0);
			return 0;
		}
	}
	for (int i = 0; i < 2; i++)
		if (waitpid(children[i], &status, 0) < 0 || status)
			return 1;
	return 0;
}
