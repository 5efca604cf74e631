/*
 * mount(2), always with MS_NOSUID, while another thread rewrites its source, target, type and options. After each call
 * that succeeded it prints what the kernel made of it, after one that failed a dash.
 *
 * usage: race FOLDER ROUNDS    in a mount namespace of its own
 */
#define _GNU_SOURCE
#include <linux/mount.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>

#include "newest.h"

/* Rounds after which everything is taken away at once: one umount2(2) of many mounts takes as long as one of one. */
#define BATCH 100
/* The other thread is waited for now and then: always would take the time slices of two processes a round. */
#define WAIT_EVERY 10
#define MNT_DETACH 2

/* Eight bytes are written at once. */
static volatile uint64_t type;
static uint64_t proc, ramfs;
static volatile char source[] = "source-a", data[] = "hidepid=1,gid=1", *volatile side;
static char target[4096];
static volatile unsigned int turn;
static volatile int over;

static void *rewrite(void *unused)
{
	for (; !over; turn++) {
		source[7] = turn & 1 ? 'a' : 'b';
		*side = turn & 2 ? 'a' : 'b';
		data[8] = turn & 4 ? '1' : '2';
		data[14] = turn & 8 ? '1' : '2';
		type = turn & 16 ? proc : ramfs;
	}
	return unused;
}

/* Until the other thread is at work, on another processor where there is one. */
static void wait_for_rewrite(void)
{
	unsigned int seen = turn;

	for (int spins = 1; turn == seen; spins++)
		if (spins % 1000 == 0)
			sched_yield();
}

static void begin_batch(const char *folder)
{
	char path[64];

	CALL(OK, mount, "batch", folder, "tmpfs", 0, NULL);
	MUST(chdir(folder));
	for (int i = 0; i < BATCH; i++)
		for (char c = 'a'; c <= 'b'; c++) {
			snprintf(path, sizeof(path), "%c%02d", c, i);
			MUST(mkdir(path, 0755));
		}
}

static void end_batch(const char *folder)
{
	MUST(chdir("/"));
	CALL(OK, umount2, folder, MNT_DETACH);
}

int main(int argc, char **argv)
{
	long rounds = argc > 2 ? atol(argv[2]) : 0, failed = 0;
	static struct mount_status status;
	uint64_t last = 0, newest;
	pthread_t other;

	if (argc < 3)
		return 2;
	CALL(OK, mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
	memcpy(&proc, "proc", 5);
	memcpy(&ramfs, "ramfs", 6);
	side = target + snprintf(target, sizeof(target), "%s/a00", argv[1]) - 3;
	pthread_create(&other, NULL, rewrite, NULL);
	for (long i = 0; i < rounds; i++) {
		if (i % BATCH == 0)
			begin_batch(argv[1]);
		snprintf((char *)side + 1, 3, "%02ld", i % BATCH);
		if (i % WAIT_EVERY == 0)
			wait_for_rewrite();
		if (syscall(SYS_mount, source, target, &type, MS_NOSUID, data)) {
			failed++;
			puts("-");
		} else if (newest_mounts(&newest, 1) != 1 || newest == last) {
			fprintf(stderr, "round %ld made no mount\n", i);
			return 1;
		} else {
			last = newest;
			mount_status(newest, &status);
			print_mount(stdout, &status);
		}
		if (i % BATCH == BATCH - 1 || i == rounds - 1)
			end_batch(argv[1]);
	}
	over = 1;
	pthread_join(other, NULL);
	return 0;
}
