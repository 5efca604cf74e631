/* One random call of each kind that makes no task. */
#pragma once

#include "values.h"

#define CLONE_VM 0x100
#define CLONE_FS 0x200
#define CLONE_FILES 0x400
#define CLONE_SIGHAND 0x800
#define CLONE_PIDFD 0x1000
#define CLONE_VFORK 0x4000
#define CLONE_PARENT 0x8000
#define CLONE_THREAD 0x10000
#define CLONE_NEWNS 0x20000
#define CLONE_SYSVSEM 0x40000
#define CLONE_SETTLS 0x80000
#define CLONE_PARENT_SETTID 0x100000
#define CLONE_CHILD_CLEARTID 0x200000
#define CLONE_DETACHED 0x400000
#define CLONE_CHILD_SETTID 0x1000000
#define CLONE_NEWCGROUP 0x2000000
#define CLONE_NEWUTS 0x4000000
#define CLONE_NEWIPC 0x8000000
#define CLONE_NEWUSER 0x10000000
#define CLONE_NEWPID 0x20000000
#define CLONE_NEWNET 0x40000000
#define CLONE_NEWTIME 0x80

#define MS_REMOUNT 0x20
#define MS_BIND 0x1000
#define MS_REC 0x4000
#define MS_PRIVATE 0x40000
#define MNT_DETACH 2

static const char *const paths[] = {
	"a", "b", "c", "a", "b", "c", "a/x", "b/x", "f", "link", "missing", "a/missing", "f/x", ".", "..", "/", "/a",
	"/b/../c", "proc", "/proc/self", "/proc/self/ns/uts", "/proc/1/root", "a/../b", "./a//x/",
};
static const char *const types[] = {
	"tmpfs", "tmpfs", "tmpfs", "ramfs", "proc", "proc", "mqueue", "overlay", "bpf", "fuse",
};
static const char *const options[] = {
	"", "ro", "size=64k", "mode=700,size=64k", "size=%", "hidepid=2", "hidepid=invisible,gid=5", "subset=pid",
	"hidepid=9", "lowerdir=a,upperdir=b,workdir=c", "fd=3,rootmode=40000,user_id=0,group_id=0", "password=hunter2,ro",
	"no-such-option", ",,,",
};
static const char *const keys[] = {
	"source", "size", "mode", "ro", "rw", "hidepid", "subset", "gid", "pidns", "lowerdir", "fd", "no-such-key",
	"nr_inodes", "password",
};
static const char *const settings[] = {
	"none", "64k", "700", "2", "invisible", "pid", "5", "/proc/self/ns/pid", "a", "9", "", "4", "hunter2",
};

/* NEWNET is rare, because each takes the kernel a while. */
static const u32 namespaces[] = {
	CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWCGROUP, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWTIME,
	CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWCGROUP, CLONE_NEWPID, CLONE_NEWUSER, CLONE_NEWNET,
};
static const u32 sharing[] = { CLONE_FS, CLONE_FILES, CLONE_SYSVSEM, CLONE_VM, CLONE_SIGHAND, CLONE_THREAD };
static const u32 mount_flags[] = {
	1, 2, 4, 8, 0x10, 0x20, 0x40, 0x80, 0x100, 0x400, 0x800, 0x1000, 0x2000, 0x8000, 0x20000, 0x40000, 0x80000,
	0x100000, 0x200000, 0x1000000, 0x2000000, 0xc0ed0000,
};
static const u32 umount_flags[] = { 1, 2, 4, 8 };
static const u32 attributes[] = { 1, 2, 4, 8, 0x10, 0x20, 0x70, 0x80, 0x100000, 0x200000 };
static const u32 propagation[] = { 0x20000, 0x40000, 0x80000, 0x100000 };
static const u32 tree_flags[] = { 1, 1, 2, 0x80000, 0x100, 0x800, 0x1000, 0x8000 };
static const u32 at_flags[] = { 0x100, 0x800, 0x1000, 0x8000 };
static const u32 move_flags[] = { 1, 2, 4, 4, 0x10, 0x20, 0x40, 0x100, 0x200 };
static const u32 pick_flags[] = { 1, 2, 4, 8 };
static const u32 few_flags[] = { 1, 2 };
static const u32 pidfd_flags[] = { 04000, 0200 };

static void random_setns(struct worker *w)
{
	u32 nstype = one_in(w, 2) ? 0 : SOME_OF(w, namespaces);

	call(NR_setns, descriptor(w, PLACES, CONTEXTS), narrow(w, nstype), 0, 0, 0);
}

static void random_unshare(struct worker *w)
{
	u64 flags = SOME_OF(w, namespaces);

	if (one_in(w, 3))
		flags |= SOME_OF(w, sharing);
#if WIDE
	if (one_in(w, 20))
		flags |= (u64)any(w) << 32;
#endif
	call(NR_unshare, flags, 0, 0, 0, 0);
}

static void random_mount(struct worker *w)
{
	u32 flags = SOME_OF(w, mount_flags);
	const char *type = PICK(w, types);

	/* Recursive binds of a root into itself double the number of mounts. */
	if (one_in(w, 8))
		flags |= MS_REC;
	if ((flags & (MS_BIND | MS_REC)) == (MS_BIND | MS_REC) && !one_in(w, 16))
		flags &= ~MS_REC;
	call(NR_mount, TEXT(w, 0, paths), TEXT(w, 1, paths), one_in(w, 6) ? odd_text(w, 2) : copy(w, 2, type),
	     narrow(w, flags), TEXT(w, 4, options));
}

static void random_umount2(struct worker *w)
{
	call(NR_umount2, TEXT(w, 0, paths), narrow(w, SOME_OF(w, umount_flags)), 0, 0, 0);
}

static void random_umount(struct worker *w)
{
#if WIDE
	random_umount2(w);
#else
	call(NR_umount, TEXT(w, 0, paths), 0, 0, 0, 0);
#endif
}

static void random_fsopen(struct worker *w)
{
	long type = one_in(w, 6) ? odd_text(w, 0) : copy(w, 0, PICK(w, types));

	keep(w, CONTEXTS, MOUNTS, call(NR_fsopen, type, narrow(w, one_in(w, 3) ? SOME_OF(w, few_flags) : 1), 0, 0, 0));
}

static void random_fspick(struct worker *w)
{
	long path = one_in(w, 2) ? TEXT(w, 1, paths) : copy(w, 1, "/");

	keep(w, CONTEXTS, MOUNTS, call(NR_fspick, directory(w), path, narrow(w, SOME_OF(w, pick_flags)), 0, 0));
}

static void random_fsconfig(struct worker *w)
{
	static const u32 odd[] = { 9, 99, 0x80000006, 0xffffffff };
	u32 cmd = one_in(w, 16) ? PICK(w, odd) : one_in(w, 4) ? 6 : below(w, 9);
	long key = TEXT(w, 2, keys), value = TEXT(w, 3, settings), aux = 0;

	if (cmd == 2)		/* FSCONFIG_SET_BINARY */
		aux = one_in(w, 6) ? (long)(int)any(w) : (long)PICK(w, lengths);
	else if (cmd >= 3 && cmd <= 5)
		aux = directory(w);
	else if (one_in(w, 8))
		aux = any(w);
	if (cmd >= 5 && !one_in(w, 8))
		value = 0;
	if (cmd >= 6 && !one_in(w, 8))
		key = 0;
	call(NR_fsconfig, descriptor(w, CONTEXTS, MOUNTS), narrow(w, cmd), key, value, aux);
}

static void random_fsmount(struct worker *w)
{
	u32 flags = one_in(w, 3) ? SOME_OF(w, few_flags) : 1, attrs = one_in(w, 3) ? SOME_OF(w, attributes) : 0;

	keep(w, MOUNTS, PIDFDS, call(NR_fsmount, descriptor(w, CONTEXTS, MOUNTS), narrow(w, flags), narrow(w, attrs), 0, 0));
}

static void random_move_mount(struct worker *w)
{
	u32 flags = SOME_OF(w, move_flags);

	if (one_in(w, 3))
		call(NR_move_mount, directory(w), TEXT(w, 1, paths), directory(w), TEXT(w, 3, paths), narrow(w, flags));
	else
		call(NR_move_mount, descriptor(w, MOUNTS, PIDFDS), copy(w, 1, ""), directory(w), TEXT(w, 3, paths),
		     narrow(w, one_in(w, 2) ? 4 : flags | 4));
}

static u32 random_tree_flags(struct worker *w)
{
	u32 flags = SOME_OF(w, tree_flags);

	return one_in(w, 16) ? flags : flags & ~0x8000u;
}

static void random_open_tree(struct worker *w)
{
	keep(w, MOUNTS, PIDFDS, call(NR_open_tree, directory(w), TEXT(w, 1, paths), narrow(w, random_tree_flags(w)), 0, 0));
}

/* struct mount_attr, and more behind it where `size` says so. */
static long random_attr(struct worker *w, u32 slot, long *size)
{
	static const u32 sizes[] = { 0, 8, 31, 32, 32, 32, 32, 32, 32, 33, 40, 64, 72, PAGE, PAGE + 1 };
	u64 *attr = (u64 *)w->memory[slot];

	*size = PICK(w, sizes);
	if (one_in(w, 40))
		*size = (long)any64(w);
	if (one_in(w, 16))
		return one_in(w, 3) ? 0 : bad_pointer(w);
	memset(attr, 0, sizeof(w->memory[slot]));
	attr[0] = SOME_OF(w, attributes);
	attr[1] = one_in(w, 2) ? 0 : SOME_OF(w, attributes);
	attr[2] = one_in(w, 2) ? 0 : SOME_OF(w, propagation);
	attr[3] = one_in(w, 2) ? 0 : (u64)descriptor(w, NAMESPACES, CONTEXTS);
	if (one_in(w, 20))
		attr[below(w, 4)] = any64(w);
	if (one_in(w, 8))
		attr[4 + below(w, 6)] = any64(w);
	return (long)attr;
}

static void random_open_tree_attr(struct worker *w)
{
	long size, attr = random_attr(w, 3, &size), flags = narrow(w, random_tree_flags(w));

	keep(w, MOUNTS, PIDFDS, call(NR_open_tree_attr, directory(w), TEXT(w, 1, paths), flags, attr, size));
}

static void random_mount_setattr(struct worker *w)
{
	long size, attr = random_attr(w, 3, &size);

	call(NR_mount_setattr, directory(w), TEXT(w, 1, paths), narrow(w, SOME_OF(w, at_flags)), attr, size);
}

static void random_pivot_root(struct worker *w)
{
	call(NR_pivot_root, TEXT(w, 0, paths), TEXT(w, 1, paths), 0, 0, 0);
}

/* Every other time back to the root of this round, so that paths go on to mean something. */
static void random_chroot(struct worker *w)
{
	if (one_in(w, 2)) {
		call(NR_fchdir, descriptors[0], 0, 0, 0, 0);
		call(NR_chroot, copy(w, 0, "."), 0, 0, 0, 0);
	} else {
		call(NR_chroot, TEXT(w, 0, paths), 0, 0, 0, 0);
	}
}

static void random_pidfd_open(struct worker *w)
{
	static const int odd[] = { 0, -1, 0x3fffff, 0x7fffffff, (int)0x80000000 };
	u32 pid = one_in(w, 4) ? (u32)PICK(w, odd) : below(w, 12);

	keep(w, PIDFDS, DESCRIPTORS, call(NR_pidfd_open, narrow(w, pid), narrow(w, SOME_OF(w, pidfd_flags)), 0, 0, 0));
}

static void (*const kinds[])(struct worker *) = {
	random_setns, random_unshare, random_mount, random_mount, random_umount2, random_umount, random_fsopen, random_fspick,
	random_fsconfig, random_fsconfig, random_fsmount, random_move_mount, random_open_tree, random_open_tree_attr,
	random_mount_setattr, random_pivot_root, random_chroot, random_pidfd_open,
};
