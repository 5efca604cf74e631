/*
 * procreader links|mountinfo: what reading the same from /proc costs in C. "links": the eight namespace links of every
 * process. "mountinfo": the mount table of one process of each mount namespace, its lines counted.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const links[] = { "mnt", "uts", "ipc", "net", "pid", "user", "cgroup", "time" };
#define LINKS (sizeof(links) / sizeof(links[0]))

static void *seen;
static long namespaces, lines;

static int by_name(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Is this the first process in the namespace? */
static int is_new(const char *pid, const char *link)
{
	char path[64], name[64];
	ssize_t length;
	char *copy;

	snprintf(path, sizeof(path), "/proc/%.10s/ns/%s", pid, link);
	length = readlink(path, name, sizeof(name) - 1);
	if (length < 0)
		return 0;
	name[length] = 0;
	if (tfind(name, &seen, by_name))
		return 0;
	copy = strdup(name);
	if (!copy || !tsearch(copy, &seen, by_name))
		err(1, "memory");
	namespaces++;
	return 1;
}

static void count_lines(const char *pid)
{
	static char buffer[256 * 1024];
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/%.10s/mountinfo", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	while ((length = read(fd, buffer, sizeof(buffer))) > 0)
		for (ssize_t i = 0; i < length; i++)
			lines += buffer[i] == '\n';
	close(fd);
}

int main(int argc, char **argv)
{
	int mountinfo = argc == 2 && !strcmp(argv[1], "mountinfo");
	struct dirent *entry;
	DIR *proc;

	if (!mountinfo && !(argc == 2 && !strcmp(argv[1], "links")))
		errx(2, "usage: procreader links|mountinfo");
	proc = opendir("/proc");
	if (!proc)
		err(1, "/proc");
	while ((entry = readdir(proc))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		if (mountinfo) {
			if (is_new(entry->d_name, "mnt"))
				count_lines(entry->d_name);
			continue;
		}
		for (size_t i = 0; i < LINKS; i++)
			is_new(entry->d_name, links[i]);
	}
	printf("%ld namespaces, %ld mounts\n", namespaces, lines);
	return 0;
}
