/*
 * The ways into a new mount namespace and a new root that came since Linux 7.0; what a kernel lacks it refuses. And a
 * call of x32, which no kernel of Debian for virtual machines has. See act.h.
 */
#include "act.h"

#ifndef OPEN_TREE_NAMESPACE
#define OPEN_TREE_NAMESPACE 2 /* since 7.0 */
#endif
#define FSMOUNT_NAMESPACE 2		      /* since 7.1 */
#define UNSHARE_EMPTY_MNTNS 0x00100000	      /* since 7.1 */
#define CLONE_EMPTY_MNTNS 0x2000000000ULL     /* since 7.1 */
#ifndef SYS_fchroot
#define SYS_fchroot 472 /* since 7.3 */
#endif
#define X32 0x40000000

/* The mount namespace that `fd` stands for, as the target of the event; nothing where the call failed. */
static void nsfs_fact(long fd)
{
	struct stat status;

	if (fd < 0)
		return;
	MUST(fstat((int)fd, &status));
	fact("\"target\":{\"via\":\"nsfs\",\"type\":\"mnt\",\"inum\":%lu}", status.st_ino);
}

static void opens_tree(void)
{
	struct namespaces before = look("thread-self");
	long ret = raw(SYS_open_tree, AT_FDCWD, (long)"/mnt", OPEN_TREE_NAMESPACE, 0, 0);

	nsfs_fact(ret);
	tell("open_tree", "x86_64", "{\"dirfd\":\"AT_FDCWD\",\"path\":\"/mnt\",\"flags\":[\"OPEN_TREE_NAMESPACE\"]}", ret,
	     &before);
}

static void mounts_tmpfs(void)
{
	long fs = ACT(fsopen, "{\"fsname\":\"tmpfs\",\"flags\":[]}", "tmpfs", 0, 0, 0, 0);

	ACT(fsconfig, text("{\"fd\":%ld,\"cmd\":\"FSCONFIG_CMD_CREATE\",\"key\":null,\"value\":null,\"aux\":0}", fs), fs,
	    FSCONFIG_CMD_CREATE, 0, 0, 0);
	struct namespaces before = look("thread-self");
	long ret = raw(SYS_fsmount, fs, FSMOUNT_NAMESPACE, 0, 0, 0);

	tell("fsmount", "x86_64", text("{\"fd\":%ld,\"flags\":[\"FSMOUNT_NAMESPACE\"],\"attr_flags\":[]}", fs), ret,
	     &before);
}

/* There is no /proc in an empty mount namespace: a child has no way to tell where it was, and the parent sees it. */
static void empties(void)
{
	struct namespaces before = look("thread-self"), inside;
	int go[2];
	char byte;

	MUST(pipe(go));
	pid_t child = MUST(fork());

	if (child == 0) {
		long ret = raw(SYS_unshare, UNSHARE_EMPTY_MNTNS, 0, 0, 0, 0);

		MUST(write(go[1], &ret, sizeof(ret)));
		pause();
	}
	long ret;

	MUST(read(go[0], &ret, sizeof(ret)));
	inside = look(text("%d", child));
	tell_of(child, "unshare", "x86_64", "{\"flags\":[\"UNSHARE_EMPTY_MNTNS\"]}", ret, &before, &inside);
	MUST(kill(child, SIGKILL));
	MUST(waitpid(child, NULL, 0));

	struct clone_args args = {.flags = CLONE_EMPTY_MNTNS, .exit_signal = SIGCHLD};

	before = look("thread-self");
	ret = raw(SYS_clone3, (long)&args, CLONE_ARGS_SIZE_VER0, 0, 0, 0);
	if (ret == 0) {
		read(go[0], &byte, 1);
		_exit(0);
	}
	if (ret > 0) {
		inside = look(text("%ld", ret));
		fact("\"child\":{\"pid\":%ld,\"namespaces\":%s}", ret, describe(&inside));
	}
	tell("clone3", "x86_64", "{}", ret, &before);
	if (ret > 0) {
		MUST(kill((pid_t)ret, SIGKILL));
		MUST(waitpid((pid_t)ret, NULL, 0));
	}
}

static void changes_root(void)
{
	int root = MUST(open("/", O_RDONLY | O_DIRECTORY));

	ACT(fchroot, text("{\"fd\":%d,\"flags\":[]}", root), root, 0, 0, 0, 0);
}

static void calls_x32(void)
{
	struct namespaces before = look("thread-self");
	long ret = raw(X32 | SYS_setns, -1, CLONE_NEWUTS, 0, 0, 0);

	tell("setns", "x32", "{\"fd\":-1,\"nstype\":[\"CLONE_NEWUTS\"]}", ret, &before);
}

int main(void)
{
	apart(opens_tree);
	apart(mounts_tmpfs);
	apart(empties);
	apart(changes_root);
	apart(calls_x32);
	return 0;
}
