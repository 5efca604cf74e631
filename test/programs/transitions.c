/*
 * Crosses namespaces from threads, by clones of every kind and into all eight at once, and prints for each
 * call a JSON object a line: the thread, the call, and the links of its /proc/TID/ns before and after, or those
 * of the child that it made. A link that shows nothing is 0: pid_for_children before its first process.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/wait.h>

#include "call.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif
#define ALL_TYPES (CLONE_NEWTIME | CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		   CLONE_NEWPID | CLONE_NEWNET)

static const char *const LINKS[] = { "mnt", "uts", "ipc", "net", "pid", "user", "cgroup", "time",
				     "pid_for_children", "time_for_children" };
#define NR_LINKS (sizeof(LINKS) / sizeof(LINKS[0]))

struct links {
	unsigned int inum[NR_LINKS];
};

static struct links look(const char *task)
{
	struct links links = { 0 };
	char path[64], shown[64];
	size_t i;

	for (i = 0; i < NR_LINKS; i++) {
		ssize_t length;

		snprintf(path, sizeof(path), "/proc/%s/ns/%s", task, LINKS[i]);
		length = readlink(path, shown, sizeof(shown) - 1);
		if (length < 0)
			continue;
		shown[length] = 0;
		sscanf(shown, "%*[^[][%u]", &links.inum[i]);
	}
	return links;
}

static struct links here(void)
{
	return look("thread-self");
}

static void print_links(const char *name, const struct links *links)
{
	size_t i;

	printf(",\"%s\":{", name);
	for (i = 0; i < NR_LINKS; i++)
		printf("%s\"%s\":%u", i ? "," : "", LINKS[i], links->inum[i]);
	putchar('}');
}

static void tell(const char *call, struct links before, struct links after)
{
	printf("{\"tid\":%ld,\"syscall\":\"%s\"", (long)syscall(SYS_gettid), call);
	print_links("before", &before);
	print_links("after", &after);
	puts("}");
	fflush(stdout);
}

static void cross_unshare(int flags)
{
	struct links before = here();

	CALL(OK, unshare, flags);
	tell("unshare", before, here());
}

static void cross_setns(int fd, int types)
{
	struct links before = here();

	CALL(OK, setns, fd, types);
	tell("setns", before, here());
}

static void *unshare_in_thread(void *unused)
{
	cross_unshare(CLONE_NEWUTS);
	cross_unshare(CLONE_NEWIPC | CLONE_NEWNET);
	return unused;
}

static void threads(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, unshare_in_thread, NULL) || pthread_join(thread, NULL))
		exit(1);
	/* the leader is where it was */
	cross_unshare(CLONE_NEWUTS);
}

static char stack[65536] __attribute__((aligned(16)));
static struct links born;

/* In the memory of the parent, which waits: moves on and becomes another program. */
static int moves_on(void *unused)
{
	(void)unused;
	born = here();
	if (unshare(CLONE_NEWUTS))
		_exit(1);
	execl("/bin/true", "true", NULL);
	_exit(1);
}

static void vfork_like(void)
{
	int status;
	pid_t child = MUST(clone(moves_on, stack + sizeof(stack),
				 CLONE_VM | CLONE_VFORK | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD, NULL));

	tell("clone", here(), born);
	MUST(waitpid(child, &status, 0));
	if (status != 0)
		exit(1);
}

static volatile int done;

static int as_thread(void *unused)
{
	(void)unused;
	born = here();
	done = 1;
	syscall(SYS_exit, 0);
	return 0;
}

static void thread_elsewhere(void)
{
	MUST(clone(as_thread, stack + sizeof(stack),
		   CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWUTS, NULL));
	while (!done)
		sched_yield();
	tell("clone", here(), born);
}

static void time_namespaces(void)
{
	cross_unshare(CLONE_NEWTIME);
	cross_setns(MUST(open("/proc/self/ns/time_for_children", O_RDONLY)), CLONE_NEWTIME);
}

/* In a child, so that the caller stays where it is. */
static void apart(void (*act)(void))
{
	int status;
	pid_t child;

	fflush(stdout);
	child = MUST(fork());
	if (child == 0) {
		act();
		exit(0);
	}
	MUST(waitpid(child, &status, 0));
	if (status != 0)
		exit(1);
}

static void unshare_all(void)
{
	cross_unshare(ALL_TYPES);
}

static void write_file(const char *path, const char *text)
{
	int fd = MUST(open(path, O_WRONLY));

	MUST(write(fd, text, strlen(text)));
	close(fd);
}

static void nested_user(void)
{
	cross_unshare(CLONE_NEWUSER | CLONE_NEWUTS);
	/* who makes a user namespace has to be somebody in the one above */
	write_file("/proc/self/uid_map", "0 0 1");
	write_file("/proc/self/setgroups", "deny");
	write_file("/proc/self/gid_map", "0 0 1");
	cross_unshare(CLONE_NEWUSER | CLONE_NEWUTS);
}

static void join_all(void)
{
	int ready[2], ended[2], pidfd;
	char byte;
	pid_t init = 0, child;

	MUST(pipe(ready));
	MUST(pipe(ended));
	child = MUST(fork());
	if (child == 0) {
		close(ended[1]);
		MUST(unshare(ALL_TYPES));
		/* the first of its pid and time namespace is who is joined */
		init = MUST(fork());
		MUST(write(ready[1], &init, sizeof(init)));
		MUST(read(ended[0], &byte, 1));
		if (init > 0)
			MUST(waitpid(init, NULL, 0));
		exit(0);
	}
	MUST(read(ready[0], &init, sizeof(init)));
	if (init == 0)
		MUST(read(ready[0], &init, sizeof(init)));
	pidfd = MUST(syscall(SYS_pidfd_open, init, 0));
	cross_setns(pidfd, ALL_TYPES);
	close(ended[1]);
	MUST(waitpid(child, NULL, 0));
}

static void nowhere(void)
{
	cross_setns(MUST(open("/proc/self/ns/uts", O_RDONLY)), 0);
	cross_unshare(CLONE_FILES);
}

int main(void)
{
	apart(threads);
	apart(vfork_like);
	apart(thread_elsewhere);
	apart(time_namespaces);
	apart(unshare_all);
	apart(nested_user);
	apart(join_all);
	apart(nowhere);
	return 0;
}
