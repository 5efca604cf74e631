/* Crossings of namespaces and changes of mounts, of 64-bit and 32-bit callers. See act.h. */
#include "act.h"

#ifndef SYS_open_tree_attr
#define SYS_open_tree_attr 467
#endif
/* arch/x86/entry/syscalls/syscall_32.tbl */
#define I386_MOUNT 21
#define I386_UMOUNT2 52
#define I386_SETNS 346

/* Addresses must be below 4 GiB: of a static program that is not a PIE they are, but those of the stack are not. */
static long compat(long nr, long a, long b, long c, long d, long e)
{
	int ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

static long act32(const char *name, const char *args, long nr, long a, long b, long c, long d, long e)
{
	struct namespaces before = look("thread-self");
	long ret = compat(nr, a, b, c, d, e);

	tell(name, "i386", args, ret, &before);
	return ret;
}

static void unshares(void)
{
	int uts = MUST(open("/proc/self/ns/uts", O_RDONLY));
	struct stat init;

	MUST(fstat(uts, &init));
	ACT(unshare, "{\"flags\":[\"CLONE_NEWNS\",\"CLONE_NEWUTS\"]}", CLONE_NEWNS | CLONE_NEWUTS, 0, 0, 0, 0);
	fact("\"target\":{\"via\":\"nsfs\",\"type\":\"uts\",\"inum\":%lu}", init.st_ino);
	ACT(setns, text("{\"fd\":%d,\"nstype\":[\"CLONE_NEWUTS\"]}", uts), uts, CLONE_NEWUTS, 0, 0, 0);
	ACT(unshare, "{\"flags\":[\"CLONE_NEWCGROUP\",\"CLONE_NEWIPC\",\"CLONE_NEWNET\"]}",
	    CLONE_NEWCGROUP | CLONE_NEWIPC | CLONE_NEWNET, 0, 0, 0, 0);
	ACT(unshare, "{\"flags\":[\"CLONE_NEWTIME\"]}", CLONE_NEWTIME, 0, 0, 0, 0);
	ACT(unshare, "{\"flags\":[\"CLONE_NEWPID\"]}", CLONE_NEWPID, 0, 0, 0, 0);
	ACT(unshare, "{\"flags\":[\"CLONE_NEWUSER\"]}", CLONE_NEWUSER, 0, 0, 0, 0);
	ACT(unshare, "{\"flags\":[\"0x1\"]}", 1, 0, 0, 0, 0);
}

static void setns_pidfd(void)
{
	int ready[2];
	char byte;

	MUST(pipe(ready));
	pid_t child = MUST(fork());

	if (child == 0) {
		ACT(unshare, "{\"flags\":[\"CLONE_NEWIPC\",\"CLONE_NEWNS\",\"CLONE_NEWUTS\"]}",
		    CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS, 0, 0, 0, 0);
		MUST(write(ready[1], "", 1));
		pause();
	}
	MUST(read(ready[0], &byte, 1));
	long pidfd = ACT(pidfd_open, text("{\"pid\":%d,\"flags\":[]}", child), child, 0, 0, 0, 0);
	struct namespaces ns = look(text("%d", child));

	fact("\"target\":{\"via\":\"pidfd\",\"pid\":%d,\"tid\":%d,\"comm\":\"acts\"}", child, child);
	fact("\"target_ns\":%s", describe(&ns));
	ACT(setns, text("{\"fd\":%ld,\"nstype\":[\"CLONE_NEWIPC\",\"CLONE_NEWNS\",\"CLONE_NEWUTS\"]}", pidfd), pidfd,
	    CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS, 0, 0, 0);
	MUST(kill(child, SIGKILL));
	MUST(waitpid(child, NULL, 0));
	fact("\"target\":{\"via\":\"pidfd\"}");
	ACT(setns, text("{\"fd\":%ld,\"nstype\":[\"CLONE_NEWUTS\"]}", pidfd), pidfd, CLONE_NEWUTS, 0, 0, 0);
}

static void mounts(void)
{
	struct mount_attr readonly = {.attr_set = MOUNT_ATTR_RDONLY};
	const char *attr = "\"attr\":{\"attr_set\":[\"MOUNT_ATTR_RDONLY\"],\"attr_clr\":[],\"propagation\":[],"
			   "\"userns_fd\":0},\"size\":32}";

	MUST(mkdir("/mnt/t", 0755));
	ACT(unshare, "{\"flags\":[\"CLONE_NEWNS\"]}", CLONE_NEWNS, 0, 0, 0, 0);
	ACT(mount,
	    "{\"source\":\"none\",\"target\":\"/\",\"filesystemtype\":null,"
	    "\"mountflags\":[\"MS_REC\",\"MS_PRIVATE\"],\"data\":null}",
	    "none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	ACT(mount,
	    "{\"source\":\"none\",\"target\":\"/mnt/t\",\"filesystemtype\":\"tmpfs\","
	    "\"mountflags\":[\"MS_NOSUID\",\"MS_NODEV\"],\"data\":\"size=64k,mode=700\"}",
	    "none", "/mnt/t", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=700");
	ACT(mount_setattr, text("{\"dirfd\":\"AT_FDCWD\",\"path\":\"/mnt/t\",\"flags\":[],%s", attr), AT_FDCWD, "/mnt/t",
	    0, &readonly, sizeof(readonly));
	ACT(open_tree_attr,
	    text("{\"dirfd\":\"AT_FDCWD\",\"path\":\"/mnt/t\",\"flags\":[\"OPEN_TREE_CLONE\"],%s", attr), AT_FDCWD,
	    "/mnt/t", OPEN_TREE_CLONE, &readonly, sizeof(readonly));
	ACT(open_tree, "{\"dirfd\":\"AT_FDCWD\",\"path\":\"/mnt/t\",\"flags\":[\"OPEN_TREE_CLONE\"]}", AT_FDCWD,
	    "/mnt/t", OPEN_TREE_CLONE, 0, 0);
	ACT(umount2, "{\"target\":\"/mnt/t\",\"flags\":[\"MNT_DETACH\"]}", "/mnt/t", MNT_DETACH, 0, 0, 0);
	ACT(mount,
	    "{\"source\":\"none\",\"target\":\"/mnt/none\",\"filesystemtype\":\"tmpfs\",\"mountflags\":[],"
	    "\"data\":null}",
	    "none", "/mnt/none", "tmpfs", 0, NULL);
	ACT(mount,
	    "{\"source\":\"none\",\"target\":null,\"filesystemtype\":\"tmpfs\",\"mountflags\":[],\"data\":null}", "none",
	    BAD_POINTER, "tmpfs", 0, NULL);
	ACT(umount2, "{\"target\":\"/mnt/t\",\"flags\":[]}", "/mnt/t", 0, 0, 0, 0);
	ACT(chroot, "{\"path\":\"/\"}", "/", 0, 0, 0, 0);
}

static void mounts_of_i386(void)
{
	MUST(mkdir("/mnt/c", 0755));
	act32("mount",
	      "{\"source\":\"none\",\"target\":\"/mnt/c\",\"filesystemtype\":\"tmpfs\",\"mountflags\":[\"MS_NOEXEC\"],"
	      "\"data\":\"size=64k\"}",
	      I386_MOUNT, (long)"none", (long)"/mnt/c", (long)"tmpfs", MS_NOEXEC, (long)"size=64k");
	act32("umount2", "{\"target\":\"/mnt/c\",\"flags\":[]}", I386_UMOUNT2, (long)"/mnt/c", 0, 0, 0, 0);
	act32("setns", "{\"fd\":-1,\"nstype\":[\"CLONE_NEWNS\"]}", I386_SETNS, -1, CLONE_NEWNS, 0, 0, 0);
}

/* The superblock of a descriptor, and the options it was made with. */
static void procfs_fact(int fd, const char *hidepid, int gid, const char *subset)
{
	struct stat status;
	struct namespaces ns = look("thread-self");

	MUST(fstat(fd, &status));
	fact("\"procfs\":{\"dev\":\"%u:%u\",\"pid_ns\":%u,\"user_ns\":%u,\"hidepid\":\"%s\",\"gid\":%d,\"subset\":%s}",
	     major(status.st_dev), minor(status.st_dev), ns.inum[4], ns.inum[8], hidepid, gid, subset);
}

static void procfs(void)
{
	MUST(mkdir("/mnt/p", 0755));
	long fs = ACT(fsopen, "{\"fsname\":\"proc\",\"flags\":[\"FSOPEN_CLOEXEC\"]}", "proc", FSOPEN_CLOEXEC, 0, 0, 0);

	ACT(fsconfig,
	    text("{\"fd\":%ld,\"cmd\":\"FSCONFIG_SET_STRING\",\"key\":\"hidepid\",\"value\":\"invisible\",\"aux\":0}", fs),
	    fs, FSCONFIG_SET_STRING, "hidepid", "invisible", 0);
	ACT(fsconfig, text("{\"fd\":%ld,\"cmd\":\"FSCONFIG_SET_STRING\",\"key\":\"gid\",\"value\":\"27\",\"aux\":0}", fs),
	    fs, FSCONFIG_SET_STRING, "gid", "27", 0);
	ACT(fsconfig,
	    text("{\"fd\":%ld,\"cmd\":\"FSCONFIG_SET_STRING\",\"key\":\"subset\",\"value\":\"all\",\"aux\":0}", fs), fs,
	    FSCONFIG_SET_STRING, "subset", "all", 0);
	/* told when there is a descriptor of the superblock */
	struct namespaces before = look("thread-self");
	long created = raw(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, 0, 0, 0);
	long mount = MUST(raw(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID, 0, 0));

	procfs_fact((int)mount, "invisible", 27, "null");
	tell("fsconfig", "x86_64",
	     text("{\"fd\":%ld,\"cmd\":\"FSCONFIG_CMD_CREATE\",\"key\":null,\"value\":null,\"aux\":0}", fs), created,
	     &before);
	procfs_fact((int)mount, "invisible", 27, "null");
	tell("fsmount", "x86_64",
	     text("{\"fd\":%ld,\"flags\":[\"FSMOUNT_CLOEXEC\"],\"attr_flags\":[\"MOUNT_ATTR_NOSUID\"]}", fs), mount,
	     &before);
	procfs_fact((int)mount, "invisible", 27, "null");
	ACT(move_mount,
	    text("{\"from_dirfd\":%ld,\"from_path\":\"\",\"to_dirfd\":\"AT_FDCWD\",\"to_path\":\"/mnt/p\","
		 "\"flags\":[\"MOVE_MOUNT_F_EMPTY_PATH\"]}",
		 mount),
	    mount, "", AT_FDCWD, "/mnt/p", MOVE_MOUNT_F_EMPTY_PATH);
	long picked = ACT(fspick, "{\"dirfd\":\"AT_FDCWD\",\"path\":\"/mnt/p\",\"flags\":[]}", AT_FDCWD, "/mnt/p", 0, 0, 0);

	ACT(fsconfig,
	    text("{\"fd\":%ld,\"cmd\":\"FSCONFIG_SET_STRING\",\"key\":\"hidepid\",\"value\":\"1\",\"aux\":0}", picked),
	    picked, FSCONFIG_SET_STRING, "hidepid", "1", 0);
	procfs_fact((int)mount, "noaccess", 27, "null");
	ACT(fsconfig, text("{\"fd\":%ld,\"cmd\":\"FSCONFIG_CMD_RECONFIGURE\",\"key\":null,\"value\":null,\"aux\":0}", picked),
	    picked, FSCONFIG_CMD_RECONFIGURE, 0, 0, 0);
	ACT(umount2, "{\"target\":\"/mnt/p\",\"flags\":[\"MNT_DETACH\"]}", "/mnt/p", MNT_DETACH, 0, 0, 0);
	MUST(rmdir("/mnt/p"));
}

/* Told by the parent, because it is the parent's call; the child says where it was. */
static void clones(bool third)
{
	unsigned long flags = CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWNS;
	struct clone_args *args = MAP_FAILED;
	int channel[2];
	struct namespaces before = look("thread-self"), inside;
	long child;

	MUST(pipe(channel));
	args = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	*args = (struct clone_args){.flags = flags, .exit_signal = SIGCHLD};
	child = third ? raw(SYS_clone3, (long)args, CLONE_ARGS_SIZE_VER0, 0, 0, 0)
		      : raw(SYS_clone, (long)(flags | SIGCHLD), 0, 0, 0, 0);
	if (child == 0) {
		inside = look("thread-self");
		MUST(write(channel[1], &inside, sizeof(inside)));
		procfs();
		_exit(0);
	}
	MUST(child);
	MUST(read(channel[0], &inside, sizeof(inside)));
	reap((pid_t)child);
	fact("\"child\":{\"pid\":%ld,\"namespaces\":%s}", child, describe(&inside));
	tell(third ? "clone3" : "clone", "x86_64", "{}", child, &before);
}

int main(void)
{
	apart(unshares);
	apart(setns_pidfd);
	apart(mounts);
	apart(mounts_of_i386);
	apart(procfs);
	clones(false);
	clones(true);
	return 0;
}
