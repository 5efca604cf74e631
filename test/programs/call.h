/*
 * What the test programs share: a call that must end as it was meant to, and the numbers and constants
 * that the headers of an older distribution lack.
 */
#pragma once

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif

#define BAD_POINTER ((void *)1L)

#define OK 0

/*
 * Makes the system call and returns what it returned. `want` is OK or the errno it must fail with; a kernel
 * without the call may say ENOSYS. Anything else ends the program: a case that does not do what it says
 * would compare nothing.
 */
#define CALL(want, name, ...) check(want, syscall(SYS_##name, __VA_ARGS__), #name, __LINE__)

static inline long check(int want, long ret, const char *name, int line)
{
	int got = ret < 0 ? errno : OK;

	if (got == want || (got == ENOSYS && ret < 0))
		return ret;
	fprintf(stderr, "line %d: %s: wanted %s, got %s\n", line, name, strerror(want), strerror(got));
	exit(1);
}

/* For what surrounds the calls under test and cannot fail on a sound system. */
static inline long must(long ret, const char *what)
{
	if (ret >= 0)
		return ret;
	perror(what);
	exit(1);
}
#define MUST(expression) must(expression, #expression)
