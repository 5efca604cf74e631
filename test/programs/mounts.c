/*
 * Makes a mount namespace whose table has what is hard to read, below a tmpfs on /mnt, says "ready PID" and stays
 * until its stdin ends.
 *
 * usage: mounts odd          names that need escapes or are not UTF-8, deleted and replaced roots, an overlay, an
 *                            idmapped mount, a superblock without a source
 *        mounts many COUNT   that many mounts of a superblock
 *        mounts slaves COUNT that many mounts of one directory, each receiving from a group with as many others
 *        mounts churn        mounts come and go all the time, in five places
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "call.h"

/* sys/mount.h declares what linux/mount.h does */
int mount(const char *, const char *, const char *, unsigned long, const void *);
int umount2(const char *, int);

static void bind(const char *what, const char *where)
{
	MUST(mkdir(where, 0755));
	MUST(mount(what, where, NULL, MS_BIND, NULL));
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0644);

	MUST(fd);
	MUST(write(fd, text, strlen(text)));
	close(fd);
}

/* A user namespace that maps uid and gid 0 to 100000; its only process is gone when this returns. */
static int user_namespace(void)
{
	char path[64];
	int ready[2], fd, status;
	pid_t child;

	MUST(pipe(ready));
	MUST(child = fork());
	if (child == 0) {
		if (unshare(CLONE_NEWUSER) < 0)
			_exit(1);
		MUST(write(ready[1], "x", 1));
		pause();
	}
	close(ready[1]);
	if (read(ready[0], path, 1) != 1) {
		fputs("unshare(CLONE_NEWUSER) failed\n", stderr);
		exit(1);
	}
	snprintf(path, sizeof(path), "/proc/%d/uid_map", child);
	write_file(path, "0 100000 65536\n");
	snprintf(path, sizeof(path), "/proc/%d/gid_map", child);
	write_file(path, "0 200000 1000\n");
	snprintf(path, sizeof(path), "/proc/%d/ns/user", child);
	MUST(fd = open(path, O_RDONLY | O_CLOEXEC));
	MUST(kill(child, SIGKILL));
	MUST(waitpid(child, &status, 0));
	return fd;
}

static void idmapped(const char *what, const char *where)
{
	struct mount_attr attr = { .attr_set = MOUNT_ATTR_IDMAP, .userns_fd = user_namespace() };
	int tree;

	MUST(mkdir(where, 0755));
	MUST(tree = syscall(SYS_open_tree, AT_FDCWD, what, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
	MUST(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)));
	MUST(syscall(SYS_move_mount, tree, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH));
}

/* By the newer calls nothing need be named that is mounted. */
static void without_source(const char *where)
{
	int context, tree;

	MUST(mkdir(where, 0755));
	MUST(context = syscall(SYS_fsopen, "tmpfs", FSOPEN_CLOEXEC));
	MUST(syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0));
	MUST(tree = syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOATIME));
	MUST(syscall(SYS_move_mount, tree, "", AT_FDCWD, where, MOVE_MOUNT_F_EMPTY_PATH));
}

static void odd(void)
{
	static const char *const names[] = {
		"a b", "a\tb", "a\nb - tmpfs x rw", "a\\b", "a\\040b", "a#b", "a,b", "gr\xc3\xbc\xc3\x9f",
		"\xff\xfe", "esc\x1b[2J",
	};
	char path[128], target[128];

	MUST(mkdir("/mnt/dirs", 0755));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "/mnt/dirs/%s", names[i]);
		MUST(mkdir(path, 0755));
		snprintf(target, sizeof(target), "/mnt/%s", names[i]);
		bind(path, target);
	}
	MUST(mkdir("/mnt/gone", 0755));
	MUST(mkdir("/mnt/gone/x y", 0755));
	bind("/mnt/gone/x y", "/mnt/on-gone");
	MUST(rmdir("/mnt/gone/x y"));
	write_file("/mnt/replaced", "old");
	write_file("/mnt/new", "new");
	write_file("/mnt/on-replaced", "");
	MUST(mount("/mnt/replaced", "/mnt/on-replaced", NULL, MS_BIND, NULL));
	MUST(rename("/mnt/new", "/mnt/replaced"));
	MUST(mkdir("/mnt/l,1", 0755));
	MUST(mkdir("/mnt/upper", 0755));
	MUST(mkdir("/mnt/work", 0755));
	MUST(mkdir("/mnt/overlay", 0755));
	MUST(mount("over lay", "/mnt/overlay", "overlay", MS_NOSUID,
		   "lowerdir=/mnt/l\\,1,upperdir=/mnt/upper,workdir=/mnt/work"));
	MUST(mkdir("/mnt/stack", 0755));
	for (int i = 0; i < 3; i++)
		MUST(mount("s", "/mnt/stack", "tmpfs", 0, "size=1m,mode=700"));
	idmapped("/mnt/dirs", "/mnt/idmapped");
	without_source("/mnt/sourceless");
}

static void many(int count, int slaves)
{
	char path[64];

	if (slaves)
		MUST(mount(NULL, "/mnt", NULL, MS_SHARED, NULL));
	MUST(mkdir("/mnt/one", 0755));
	MUST(mount("one", "/mnt/one", "tmpfs", 0, "size=1m"));
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/mnt/%d", i);
		bind("/mnt/one", path);
	}
	if (!slaves)
		return;
	/* who holds the other ends must live on */
	pid_t child = fork();

	MUST(child);
	if (child > 0) {
		waitpid(child, NULL, 0);
		exit(0);
	}
	MUST(unshare(CLONE_NEWNS));
	MUST(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL));
}

static void churn(void)
{
	struct pollfd ended = { .fd = 0, .events = POLLIN };
	char path[64];

	for (int i = 0; i < 5; i++) {
		snprintf(path, sizeof(path), "/mnt/%d", i);
		MUST(mkdir(path, 0755));
	}
	printf("ready %d\n", getpid());
	fflush(stdout);
	for (int i = 0; poll(&ended, 1, 0) == 0; i = (i + 1) % 5) {
		snprintf(path, sizeof(path), "/mnt/%d", i);
		MUST(mount("churn", path, "tmpfs", 0, NULL));
		if (i % 2)
			MUST(umount2(path, 0));
		snprintf(path, sizeof(path), "/mnt/%d", (i + 2) % 5);
		umount2(path, 2);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	char end;

	MUST(unshare(CLONE_NEWNS));
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	MUST(mount("scratch", "/mnt", "tmpfs", 0, NULL));
	if (!strcmp(mode, "odd"))
		odd();
	else if (!strcmp(mode, "many") && argc > 2)
		many(atoi(argv[2]), 0);
	else if (!strcmp(mode, "slaves") && argc > 2)
		many(atoi(argv[2]), 1);
	else if (!strcmp(mode, "churn"))
		churn();
	else
		return 2;
	printf("ready %d\n", getpid());
	fflush(stdout);
	return read(0, &end, 1) < 0;
}
