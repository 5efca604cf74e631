/*
 * Tries every file of a procfs, but for those of processes, and says for each what came of reading and of writing it: a
 * line is the errno of both (0: allowed) and the path. Writes nothing: a sysctl that can be opened for writing is
 * written no bytes, which asks its handler for the capabilities that it wants. What stands on another file system than
 * the directory it was started with is a mask and left out.
 *
 * With --roots it prints the processes whose root directory can be followed instead.
 *
 * usage: reach [--roots] DIRECTORY
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static dev_t procfs;
static const char *top;

static int starts(const char *path, const char *with)
{
	return !strncmp(path + strlen(top), with, strlen(with));
}

static int refused(long result)
{
	return result < 0 && (errno == EPERM || errno == EACCES) ? errno : 0;
}

static int try_read(const char *path)
{
	char bytes[4096];
	int fd = open(path, O_RDONLY | O_NONBLOCK), error;

	if (fd < 0)
		return errno;
	/* a read would take messages away from whoever waits for them */
	error = starts(path, "/kmsg") ? 0 : refused(read(fd, bytes, sizeof(bytes)));
	close(fd);
	return error;
}

/*
 * Some handlers below vm act whatever was written: a write of no bytes to dirty_background_bytes clears its ratio. Nobody
 * knows what a vendor's do.
 */
static int may_write_nothing(const char *path)
{
	static const char *const checked[] = { "/sys/vm/memfd_noexec", "/sys/vm/mmap_min_addr",
					       "/sys/vm/unprivileged_userfaultfd", "/sys/net/core/bpf_jit" };

	for (size_t i = 0; i < sizeof(checked) / sizeof(*checked); i++)
		if (starts(path, checked[i]))
			return 1;
	return starts(path, "/sys/") && !starts(path, "/sys/vm/") && !starts(path, "/sys/net/") &&
	       !starts(path, "/sys/kernel/init_private");
}

static int try_write(const char *path, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_NONBLOCK), error;

	if (fd < 0)
		return errno;
	/* what nobody can read is a command and not a value */
	error = mode & 0444 && may_write_nothing(path) ? refused(write(fd, "", 0)) : 0;
	close(fd);
	return error;
}

static void walk(const char *directory, int depth)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;

	while (stream && (entry = readdir(stream))) {
		char path[4096];
		struct stat status;
		int reading;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (!depth && (atoi(entry->d_name) || !strcmp(entry->d_name, "self") ||
			       !strcmp(entry->d_name, "thread-self")))
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (lstat(path, &status) || status.st_dev != procfs || S_ISLNK(status.st_mode))
			continue;
		if (S_ISDIR(status.st_mode)) {
			walk(path, depth + 1);
			continue;
		}
		reading = try_read(path);
		printf("%d %d %s\n", reading, try_write(path, status.st_mode), path);
	}
	if (stream)
		closedir(stream);
}

static void follow_roots(const char *directory)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;
	struct stat status;

	while (stream && (entry = readdir(stream))) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s/root/", directory, entry->d_name);
		if (atoi(entry->d_name) && !stat(path, &status))
			puts(entry->d_name);
	}
	if (stream)
		closedir(stream);
}

int main(int argc, char **argv)
{
	struct stat status;

	if (argc == 3 && !strcmp(argv[1], "--roots")) {
		follow_roots(argv[2]);
		return 0;
	}
	if (argc != 2 || stat(argv[1], &status))
		return 2;
	top = argv[1];
	procfs = status.st_dev;
	walk(top, 0);
	return 0;
}
