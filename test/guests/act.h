/*
 * What the programs of guests have in common: they make system calls and say what each did, a JSON object a line, with
 * the call's arguments as the event must tell them, what it returned, and the caller's namespaces before and after as
 * /proc/self/ns shows them. Built with -static; each runs as root in a guest that is its own.
 *
 * Calls that an older kernel lacks end in ENOSYS and are told like any other.
 */
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define BAD_POINTER ((void *)1L)
static const char *const LINKS[] = {"cgroup", "ipc", "mnt", "net", "pid", "pid_for_children", "time",
				    "time_for_children", "user", "uts"};
#define NR_LINKS (sizeof(LINKS) / sizeof(LINKS[0]))

struct namespaces {
	unsigned int inum[NR_LINKS];
};

static inline long must(long ret, const char *what)
{
	if (ret >= 0)
		return ret;
	perror(what);
	exit(1);
}
#define MUST(expression) must(expression, #expression)

/* 0 where the link has none: pid_for_children before its first process, or an older kernel. */
static inline struct namespaces look(const char *task)
{
	struct namespaces ns = {0};
	char path[64], text[64];

	for (size_t i = 0; i < NR_LINKS; i++) {
		snprintf(path, sizeof(path), "/proc/%s/ns/%s", task, LINKS[i]);
		ssize_t length = readlink(path, text, sizeof(text) - 1);

		if (length < 0)
			continue;
		text[length] = 0;
		sscanf(text, "%*[^[][%u]", &ns.inum[i]);
	}
	return ns;
}

/* A formatted string that lives until the next sixteen. */
static inline const char *text(const char *format, ...)
{
	static char buffers[16][512];
	static unsigned int next;
	char *buffer = buffers[next++ % 16];
	va_list list;

	va_start(list, format);
	vsnprintf(buffer, sizeof(buffers[0]), format, list);
	va_end(list);
	return buffer;
}

/* JSON */
static inline const char *describe(const struct namespaces *ns)
{
	const char *members = "";

	for (size_t i = 0; i < NR_LINKS; i++)
		members = text("%s%s\"%s\":%u", members, i ? "," : "", LINKS[i], ns->inum[i]);
	return text("{%s}", members);
}

/* Text in front of the next line that is told: other facts of the call, as JSON members. */
static char facts[2048];

static inline void fact(const char *format, ...)
{
	size_t length = strlen(facts);
	va_list list;

	va_start(list, format);
	vsnprintf(facts + length, sizeof(facts) - length, format, list);
	va_end(list);
	strncat(facts, ",", sizeof(facts) - strlen(facts) - 1);
}

/* The id of this thread in the initial pid namespace, whose procfs is the one at /proc. */
static inline int own_tid(void)
{
	char text[64] = "";

	MUST(readlink("/proc/thread-self", text, sizeof(text) - 1));
	return atoi(strrchr(text, '/') + 1);
}

/* What task `tid` did. One write a line: children write too. */
static inline void tell_of(int tid, const char *name, const char *abi, const char *args, long ret,
			   const struct namespaces *before, const struct namespaces *after)
{
	char *line;
	size_t size;
	FILE *out = open_memstream(&line, &size);

	fprintf(out, "{\"syscall\":\"%s\",\"abi\":\"%s\",\"tid\":%d,\"args\":%s,\"ret\":%ld,\"errno\":\"%s\",", name, abi, tid,
		args, ret, ret < 0 ? strerrorname_np((int)-ret) : "");
	fprintf(out, "%s\"before\":%s,\"after\":%s}\n", facts, describe(before), describe(after));
	fclose(out);
	MUST(write(STDOUT_FILENO, line, size));
	free(line);
	facts[0] = 0;
}

static inline void tell(const char *name, const char *abi, const char *args, long ret, const struct namespaces *before)
{
	struct namespaces after = look("thread-self");

	tell_of(own_tid(), name, abi, args, ret, before, &after);
}

static inline long raw(long nr, long a, long b, long c, long d, long e)
{
	long ret = syscall(nr, a, b, c, d, e);

	return ret < 0 ? -errno : ret;
}

/* act(name, args as JSON, five arguments) */
static inline long act(const char *name, const char *args, long nr, long a, long b, long c, long d, long e)
{
	struct namespaces before = look("thread-self");
	long ret = raw(nr, a, b, c, d, e);

	tell(name, "x86_64", args, ret, &before);
	return ret;
}
#define ACT(name, args, a, b, c, d, e)                                                                                 \
	act(#name, args, SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

static inline void reap(pid_t pid)
{
	int status;

	MUST(waitpid(pid, &status, __WALL));
	if (status != 0)
		exit(1);
}

/* Runs `acts` in a child, so that what it does to its namespaces and root ends with it. */
static inline void apart(void (*acts)(void))
{
	pid_t child = MUST(fork());

	if (child == 0) {
		acts();
		_exit(0);
	}
	reap(child);
}
