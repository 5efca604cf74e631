/*
 * A process that does what it is told, one system call a line, and says what came of it: tests play with several of
 * them. A line of stdin is a name and its arguments, each with a letter before it for its type: `i` a number, `s` a
 * string, `n` NULL, `a` a struct mount_attr. The answer is a line: what the call returned, errno, CLOCK_REALTIME before
 * and after it in nanoseconds, and what else there is to say. The process ends with its stdin.
 *
 * usage: actor
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Not in linux/stat.h of every distribution. */
#define MNT_ID_UNIQUE 0x4000
#define MAX_ARGS 6

static const struct {
	const char *name;
	long number;
} calls[] = {
	{ "chdir", SYS_chdir },
	{ "chroot", SYS_chroot },
	{ "close", SYS_close },
	{ "dup", SYS_dup },
	{ "dup3", SYS_dup3 },
	{ "fchdir", SYS_fchdir },
	{ "fcntl", SYS_fcntl },
	{ "fsconfig", SYS_fsconfig },
	{ "fsmount", SYS_fsmount },
	{ "fsopen", SYS_fsopen },
	{ "fspick", SYS_fspick },
	{ "mkdir", SYS_mkdir },
	{ "mount", SYS_mount },
	{ "mount_setattr", SYS_mount_setattr },
	{ "move_mount", SYS_move_mount },
	{ "open", SYS_open },
	{ "open_tree", SYS_open_tree },
	{ "pidfd_getfd", SYS_pidfd_getfd },
	{ "pidfd_open", SYS_pidfd_open },
	{ "pivot_root", SYS_pivot_root },
	{ "symlink", SYS_symlink },
	{ "umount2", SYS_umount2 },
	{ "unshare", SYS_unshare },
};

/* What an answer has beside the result. */
static char said[256];
static const char *program;
static int connection = -1;

static long long now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_REALTIME, &time);
	return time.tv_sec * 1000000000LL + time.tv_nsec;
}

/* The mount that a path, or the descriptor behind it, stands for: its unique id and its id in mountinfo. */
static long stat_mount(long fd, const char *path)
{
	struct statx unique, old;

	if (syscall(SYS_statx, fd, path, AT_EMPTY_PATH, MNT_ID_UNIQUE, &unique) < 0 ||
	    syscall(SYS_statx, fd, path, AT_EMPTY_PATH, STATX_MNT_ID, &old) < 0)
		return -1;
	snprintf(said, sizeof(said), "%llu %llu", (unsigned long long)unique.stx_mnt_id,
		 (unsigned long long)old.stx_mnt_id);
	return 0;
}

static long make_socket(const char *path, struct sockaddr_un *address)
{
	address->sun_family = AF_UNIX;
	snprintf(address->sun_path, sizeof(address->sun_path), "%s", path);
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

/* Connects to whoever listens, now or once it does. */
static long give(const char *path, long fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS } };
	struct iovec one = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	struct sockaddr_un address = { 0 };
	int given = fd;

	connection = make_socket(path, &address);
	if (connection < 0 || connect(connection, (void *)&address, sizeof(address)))
		return -1;
	memcpy(CMSG_DATA(&control.head), &given, sizeof(given));
	return sendmsg(connection, &message, 0) < 0 ? -1 : 0;
}

static long listen_at(const char *path)
{
	struct sockaddr_un address = { 0 };

	connection = make_socket(path, &address);
	if (connection < 0 || bind(connection, (void *)&address, sizeof(address)))
		return -1;
	return listen(connection, 1);
}

static long take(void)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr head;
	} control;
	char byte;
	struct iovec one = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &one, .msg_iovlen = 1, .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	int from = accept(connection, NULL, NULL), taken;

	if (from < 0 || recvmsg(from, &message, 0) < 0 || !CMSG_FIRSTHDR(&message))
		return -1;
	memcpy(&taken, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(taken));
	close(from);
	return taken;
}

/* A copy of this process, which does nothing but hold what it has. */
static long copy(void)
{
	pid_t child = fork();

	while (!child)
		pause();
	return child;
}

static long end(long child)
{
	return kill(child, SIGKILL) ? -1 : waitpid(child, NULL, 0);
}

static void *obey(void *);

/* The first thread ends and leaves the rest of the work to another. */
static void leave(void)
{
	pthread_t other;

	pthread_create(&other, NULL, obey, "left");
	pthread_exit(NULL);
}

static long act(const char *name, long *args, int *known)
{
	*known = 1;
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
		if (!strcmp(name, calls[i].name))
			return syscall(calls[i].number, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (!strcmp(name, "stat"))
		return stat_mount(args[0], (const char *)args[1]);
	if (!strcmp(name, "fork"))
		return copy();
	if (!strcmp(name, "kill"))
		return end(args[0]);
	if (!strcmp(name, "give"))
		return give((const char *)args[0], args[1]);
	if (!strcmp(name, "listen"))
		return listen_at((const char *)args[0]);
	if (!strcmp(name, "take"))
		return take();
	if (!strcmp(name, "exec"))
		return execl(program, "actor", "again", NULL);
	if (!strcmp(name, "leave"))
		leave();
	if (!strcmp(name, "exit"))
		exit(0);
	*known = 0;
	return -1;
}

static void read_line(char *line, size_t size)
{
	/* byte by byte: what follows is for the program that this one may execute */
	for (size_t length = 0; length < size - 1; length++) {
		if (read(0, line + length, 1) != 1)
			exit(0);
		line[length + 1] = 0;
		if (line[length] == '\n')
			return;
	}
}

static long argument(char *text, struct mount_attr *attr)
{
	switch (*text) {
	case 'i':
		return strtol(text + 1, NULL, 0);
	case 's':
		return (long)(text + 1);
	case 'a':
		sscanf(text + 1, "%lli,%lli,%lli,%lli", (long long *)&attr->attr_set, (long long *)&attr->attr_clr,
		       (long long *)&attr->propagation, (long long *)&attr->userns_fd);
		return (long)attr;
	}
	return 0;
}

static void answer(long ret, int error, long long before)
{
	printf("%ld %d %lld %lld %s\n", ret, ret < 0 ? error : 0, before, now(), said);
	fflush(stdout);
}

static void *obey(void *left)
{
	char line[8192];

	if (left)
		answer(0, 0, now());
	for (;;) {
		struct mount_attr attr = { 0 };
		long args[MAX_ARGS] = { 0 }, ret;
		char *name, *text;
		long long before;
		int known;

		read_line(line, sizeof(line));
		name = strtok(line, " \n");
		for (int i = 0; i < MAX_ARGS && (text = strtok(NULL, " \n")); i++)
			args[i] = argument(text, &attr);
		*said = 0;
		before = now();
		ret = act(name ? name : "", args, &known);
		if (!known) {
			fprintf(stderr, "actor: no such call: %s\n", name);
			exit(2);
		}
		answer(ret, errno, before);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static char path[4096];

	(void)argv;
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		snprintf(path, sizeof(path), "%s", argv[0]);
	program = path;
	if (argc > 1)
		answer(0, 0, now());
	obey(NULL);
}
