/* hold: makes a procfs that is mounted nowhere, says its own pid and the descriptor, and holds that until it is killed. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

/* include/uapi/linux/mount.h */
#define FSCONFIG_SET_STRING 1
#define FSCONFIG_CMD_CREATE 6

int main(void)
{
	int context = syscall(SYS_fsopen, "proc", 0), mount;

	if (context < 0 || syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "hidepid", "invisible", 0) ||
	    syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) {
		perror("procfs");
		return 1;
	}
	mount = syscall(SYS_fsmount, context, 0, 0);
	if (mount < 0) {
		perror("fsmount");
		return 1;
	}
	close(context);
	printf("%d %d\n", getpid(), mount);
	fflush(stdout);
	for (;;)
		pause();
}
