/* A program of named cases, each of which runs in a mount namespace of its own, on a tmpfs that it alone sees. */
#pragma once

#include <linux/mount.h>
#include <sched.h>

#include "call.h"

struct named_case {
	const char *name;
	void (*run)(void);
};

/*
 * PROGRAM --list prints the names; PROGRAM CASE DIRECTORY runs one in the empty DIRECTORY. Returns the exit status.
 */
static inline int run_case(int argc, char **argv, const struct named_case *cases, size_t count)
{
	const char *name = argc > 1 ? argv[1] : "";
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(name, "--list") == 0)
			puts(cases[i].name);
		if (argc < 3 || strcmp(name, cases[i].name) != 0)
			continue;
		CALL(OK, unshare, CLONE_NEWNS);
		CALL(OK, mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
		CALL(OK, mount, "none", argv[2], "tmpfs", MS_NOSUID | MS_NODEV, "mode=777");
		MUST(chdir(argv[2]));
		cases[i].run();
		return 0;
	}
	return strcmp(name, "--list") == 0 ? 0 : 2;
}
