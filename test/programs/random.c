/*
 * Makes random calls of every kind that Keyhole tells, valid and invalid, from several threads and from children in
 * new namespaces. All of it happens in namespaces of its own, below a tmpfs that is the root there: nothing of the
 * host can be named, and no file system is mounted whose superblock is shared with the host.
 *
 * usage: random [CALLS [SEED]]    10000 calls; the seed is printed first. The same seed draws the same calls; which
 *                                descriptors they find depends on the order of the threads
 *
 * Built without a C library (entry.h), so that one source serves all ways into the kernel.
 */
#include "random-world.h"

#define THREADS 4
/* Calls between two fresh starts: after many of them little is left that could succeed. */
#define ROUND 1000
/* Seconds after which all of it ends, whatever happens. */
#define LIFETIME 120

static struct worker workers[2 * THREADS];

static void run_worker(void *argument)
{
	struct worker *w = argument;

	while (w->calls > 0) {
		u32 kind = below(w, ELEMENTS(kinds) + 2);

		w->calls--;
		if (kind < ELEMENTS(kinds))
			kinds[kind](w);
		else if (kind == ELEMENTS(kinds))
			random_clone(w, w + THREADS);
		else
			random_clone3(w, w + THREADS);
	}
	call(NR_exit, 0, 0, 0, 0, 0);
}

/* One round: `argument` is what each thread's seed is made of, and how many calls it makes. */
static void run_round(void *argument)
{
	const u32 flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
			  CLONE_CHILD_CLEARTID;
	static struct task tasks[THREADS];
	struct worker *first = argument;
	long each = first->calls / THREADS, rest = first->calls % THREADS;

	prepare();
	MUST(call(NR_mprotect, (long)forbidden, PAGE, 0, 0, 0));
	for (u32 i = 0; i < ELEMENTS(workers); i++)
		MUST(call(NR_munmap, (long)workers[i].border + PAGE, PAGE, 0, 0, 0));
	for (int i = 0; i < THREADS; i++) {
		long tid = (long)&workers[i].tid, stack = (long)(workers[i].stack + sizeof(workers[i].stack));

		workers[i].calls = each + (i < rest);
		workers[i].seed = any64(first);
		workers[i].tid = 1;
		tasks[i] = (struct task){ run_worker, &workers[i] };
		MUST(spawn(NR_clone, flags, stack, 0, NR(tid, 0), NR(0, tid), &tasks[i]));
	}
	for (int i = 0; i < THREADS; i++)
		wait_for_thread(&workers[i]);
	end(0);
}

static u64 number(const char *digits)
{
	u64 value = 0;

	for (; *digits >= '0' && *digits <= '9'; digits++)
		value = value * 10 + (*digits - '0');
	return value;
}

/* From the last digit to the first, and what stands before it. */
static void print_seed(u32 seed)
{
	static char line[] = "seed 4294967295\n";
	char *at = line + sizeof(line) - 2;

	do
		*--at = '0' + seed % 10;
	while (seed /= 10);
	at -= 5;
	memcpy(at, "seed ", 5);
	call(NR_write, 1, (long)at, line + sizeof(line) - 1 - at, 0, 0);
}

void start(long *stack)
{
	const char *const *argv = (const char *const *)(stack + 1);
	const u32 apart = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP | CLONE_NEWPID | SIGCHLD;
	static struct worker source, first;
	static const struct task round = { run_round, &first };
	long calls = stack[0] > 1 ? (long)number(argv[1]) : 10000;
	static u32 seed;
	static int status;

	if (stack[0] > 2)
		seed = number(argv[2]);
	else
		MUST(call(NR_getrandom, (long)&seed, sizeof(seed), 0, 0, 0));
	print_seed(seed);
	call(NR_alarm, LIFETIME, 0, 0, 0, 0);
	source.seed = seed;
	while (calls > 0) {
		long pid;

		first.seed = any64(&source);
		first.calls = calls < ROUND ? calls : ROUND;
		calls -= first.calls;
		pid = MUST(spawn(NR_clone, apart, 0, 0, 0, 0, &round));
		MUST(call(NR_wait4, pid, (long)&status, WALL, 0, 0));
		if (status)
			end(status >> 8 ? status >> 8 : 127);
	}
	end(0);
}
