/*
 * What a container does to get out, one act a run. Ends with status 1 and says why where the act did not end as it
 * was meant to.
 *
 * usage: acts ACT [ARGUMENT...]
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "call.h"

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif

#define OPEN_TREE_NAMESPACE 2
#define SET_STRING 1
#define SET_FD 5
#define CREATE 6

/* A procfs context with hidepid= set, which all kernels take. */
static int context(void)
{
	int fd = CALL(OK, fsopen, "proc", 0);

	CALL(OK, fsconfig, fd, SET_STRING, "hidepid", "noaccess", 0);
	return fd;
}

static void detached(void)
{
	int fd = context();

	CALL(OK, fsconfig, fd, CREATE, NULL, NULL, 0);
	CALL(OK, fsmount, fd, 0, 0);
	close(fd);
}

/* The descriptor has no close-on-exec flag: what is executed next has it. */
static void keep_detached(char *self)
{
	detached();
	execl(self, self, "wait", NULL);
	exit(1);
}

static void in_child(void (*act)(void))
{
	int status;
	pid_t child = must(fork(), "fork");

	if (child == 0) {
		act();
		exit(0);
	}
	must(waitpid(child, &status, 0), "waitpid");
	if (status != 0)
		exit(1);
}

static void refused_procfs(void)
{
	CALL(EPERM, mount, "proc", "/tmp", "proc", 0, NULL);
}

/* The options are those of the file system, whichever mount of it is given. */
static void reconfigure(const char *directory, const char *options)
{
	CALL(OK, mount, directory, "/tmp", NULL, MS_BIND, NULL);
	CALL(OK, mount, NULL, "/tmp", NULL, MS_REMOUNT, options);
}

int main(int argc, char **argv)
{
	const char *act = argc > 1 ? argv[1] : "";
	const char *first = argc > 2 ? argv[2] : "";
	int fd;

	if (!strcmp(act, "wait") || !strcmp(act, "held")) {
		if (*act == 'h')
			detached();
		for (;;)
			pause();
	} else if (!strcmp(act, "nothing")) {
		return 0;
	} else if (!strcmp(act, "umount")) {
		CALL(OK, umount2, first, 0);
	} else if (!strcmp(act, "remount")) {
		CALL(OK, mount, NULL, first, NULL, MS_REMOUNT | MS_BIND, NULL);
	} else if (!strcmp(act, "fresh")) {
		CALL(OK, mount, "proc", "/tmp", "proc", 0, NULL);
	} else if (!strcmp(act, "detached")) {
		keep_detached(argv[0]);
	} else if (!strcmp(act, "pidns")) {
		fd = must(open(first, O_RDONLY), first);
		CALL(OK, fsconfig, context(), SET_FD, "pidns", NULL, fd);
	} else if (!strcmp(act, "refused-pidns")) {
		CALL(EINVAL, fsconfig, context(), SET_FD, "pidns", NULL, atoi(first));
	} else if (!strcmp(act, "reconfigure")) {
		reconfigure(first, argv[3]);
	} else if (!strcmp(act, "setns")) {
		CALL(OK, setns, atoi(first), 0);
	} else if (!strcmp(act, "refused-setns")) {
		CALL(EPERM, setns, atoi(first), 0);
	} else if (!strcmp(act, "pidfd")) {
		fd = CALL(OK, pidfd_open, atoi(first), 0);
		CALL(OK, setns, fd, CLONE_NEWNS);
	} else if (!strcmp(act, "pidfd-all")) {
		fd = CALL(OK, pidfd_open, atoi(first), 0);
		CALL(OK, setns, fd, CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC);
	} else if (!strcmp(act, "userns")) {
		CALL(OK, unshare, CLONE_NEWUSER);
	} else if (!strcmp(act, "userns-mount")) {
		CALL(OK, unshare, CLONE_NEWUSER | CLONE_NEWNS);
		CALL(OK, mount, "none", "/tmp", "tmpfs", 0, NULL);
	} else if (!strcmp(act, "userns-overlay")) {
		CALL(OK, unshare, CLONE_NEWUSER | CLONE_NEWNS);
		CALL(OK, mount, "overlay", "/tmp", "overlay", 0, "lowerdir=/dev/shm:/tmp");
	} else if (!strcmp(act, "refused-namespace")) {
		CALL(EINVAL, open_tree, AT_FDCWD, "/", OPEN_TREE_NAMESPACE);
	} else if (!strcmp(act, "nested")) {
		CALL(OK, unshare, CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID);
		in_child(refused_procfs);
	} else {
		fprintf(stderr, "acts: no act %s\n", act);
		return 2;
	}
	return 0;
}
