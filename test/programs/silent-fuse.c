/*
 * A FUSE file system whose server never answers: whoever looks a path up in it
 * hangs until the server dies. Mounts it over argv[1] in the mount namespace it
 * is in, prints "mounted" and sleeps.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char options[128];
	int fd = open("/dev/fuse", O_RDWR);

	if (argc != 2 || fd < 0) {
		perror("/dev/fuse");
		return 1;
	}
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (mount("silent", argv[1], "fuse", 0, options)) {
		perror("mount");
		return 1;
	}
	puts("mounted");
	fflush(stdout);
	pause();
	return 0;
}
