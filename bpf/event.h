/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The records that the programs hand to user space. src/capture/wire.ts reads
 * them; a test compares the two. A record is a struct kh_event, followed by
 * fields (struct kh_field and its bytes) up to kh_event.length. Every field
 * starts on a multiple of eight bytes.
 */
#ifndef KEYHOLE_EVENT_H
#define KEYHOLE_EVENT_H

#include "kernel.h"

/* Raised whenever the layout changes: an agent refuses another version's object. */
#define KH_VERSION 3

enum kh_kind {
	KH_SYSCALL = 1,		/* a call of the list returned */
	KH_FORK = 2,		/* the record describes the new task */
	KH_EXEC = 3,		/* args[0]: the tid before the exec */
	KH_EXIT = 4,		/* a thread is about to end */
	KH_TASK = 5,		/* a task of the inventory */
	KH_MOVED = 6,		/* a task changed its namespaces in a call that the filter leaves out */
	KH_COPY = 7,		/* what the kernel holds of the strings of a call; args[0]: when that was entered */
};

/* Why something is missing that should have been told. Up to KH_COPY: a record of that kind found the ring full. */
enum kh_loss {
	KH_LOST_SUMMARY = 8,	/* a failed call beyond its workload's rate, and no room to count it */
	KH_LOST_WORKLOAD = 9,	/* the ring was filling up, and the workload was beyond its rate */
	KH_LOST_CLONE = 10,	/* more clones under way than are remembered */
	KH_LOST_RECORD = 11,	/* a record that was longer than the longest */
	KH_LOST_BUFFER = 12,	/* more calls under way on a processor than there are buffers, or two in one */
	KH_LOST_OPEN = 13,	/* a file that was opened by a workload beyond its rate of these */
	KH_LOSSES = 16,
};

/* What a call is, whatever its number is in the ABI of its caller. */
enum kh_op {
	KH_OP_NONE = 0,
	KH_OP_SETNS = 1,
	KH_OP_UNSHARE = 2,
	KH_OP_MOUNT = 3,
	KH_OP_UMOUNT2 = 4,
	KH_OP_UMOUNT = 5,	/* umount(2) without flags: i386 and arm only */
	KH_OP_FSOPEN = 6,
	KH_OP_FSPICK = 7,
	KH_OP_FSCONFIG = 8,
	KH_OP_FSMOUNT = 9,
	KH_OP_MOVE_MOUNT = 10,
	KH_OP_OPEN_TREE = 11,
	KH_OP_OPEN_TREE_ATTR = 12,
	KH_OP_MOUNT_SETATTR = 13,
	KH_OP_PIVOT_ROOT = 14,
	KH_OP_CHROOT = 15,
	KH_OP_PIDFD_OPEN = 16,
	KH_OP_CLONE = 17,
	KH_OP_CLONE3 = 18,
	KH_OP_FCHROOT = 19,	/* since 7.3 */
	KH_OP_OPEN = 20,	/* from here on calls that open files */
	KH_OP_OPENAT = 21,
	KH_OP_OPENAT2 = 22,
	KH_OP_CREAT = 23,
	KH_OP_OPEN_BY_HANDLE_AT = 24,
};

enum kh_abi {
	KH_ABI_NATIVE = 0,
	KH_ABI_COMPAT = 1,	/* i386 on x86_64, arm on arm64 */
	KH_ABI_X32 = 2,
};

enum kh_flag {
	KH_F_MM_SHARED = 1 << 0,	/* another task uses this address space */
	KH_F_SIGSYS = 1 << 1,		/* seccomp ended the call: ret is no result */
	KH_F_KTHREAD = 1 << 2,
	KH_F_NO_NSPROXY = 1 << 3,	/* the task has left its namespaces */
	KH_F_KILLED = 1 << 4,		/* the task ends before it sees the result, which is of a call that was cut short */
	KH_F_IO_URING = 1 << 6,		/* made by io_uring: what the task entered the kernel with is no call of the list */
	KH_F_KERNEL_STRINGS = 1 << 5,	/* set by src/resolve/kernel-copies.ts: strings are the kernel's copies */
};

/* The order of NS_LINKS in src/kernel/links.ts. */
enum kh_link {
	KH_NS_MNT,
	KH_NS_UTS,
	KH_NS_IPC,
	KH_NS_NET,
	KH_NS_PID,
	KH_NS_USER,
	KH_NS_CGROUP,
	KH_NS_TIME,
	KH_NS_PID_FOR_CHILDREN,
	KH_NS_TIME_FOR_CHILDREN,
	KH_NS_LINKS,
};

struct kh_event {
	__u16 version;
	__u8 kind;		/* enum kh_kind */
	__u8 abi;		/* enum kh_abi */
	__u32 length;		/* of the record with its fields */
	__u64 time;		/* CLOCK_BOOTTIME, nanoseconds */
	__s64 ret;
	__u64 args[6];
	__u64 start;		/* of the thread group leader, CLOCK_BOOTTIME */
	__u64 cgroup;		/* id on the unified hierarchy */
	__u64 cgroup_v1;	/* id on the v1 memory hierarchy */
	__u32 ns[KH_NS_LINKS];	/* inode numbers */
	__u32 op;		/* enum kh_op */
	__u32 flags;		/* enum kh_flag */
	__u32 pid;
	__u32 tid;
	__u32 ppid;
	__u32 uid;		/* effective, as is gid */
	__u32 gid;
	__u32 ns_pid;		/* thread group id in the task's own pid namespace */
	__u8 comm[16];
};

/* What the bytes of a field are. Below 6 it is the argument of that index, a string or a struct. */
enum kh_field_id {
	KH_FIELD_EXE = 16,	/* components of the path, last one first, each ended by NUL */
	KH_FIELD_NSFS = 17,	/* struct kh_nsfs */
	KH_FIELD_PIDFD = 18,	/* struct kh_pidfd */
	KH_FIELD_FSCONTEXT = 19,	/* struct kh_fscontext */
	KH_FIELD_SUPERBLOCK = 20,	/* struct kh_superblock */
	KH_FIELD_NS_IDS = 21,		/* struct kh_ns_ids, of crossings and of tasks born elsewhere */
	KH_FIELD_FILE = 22,		/* struct kh_file: what the call was given */
	KH_FIELD_MADE = 23,		/* struct kh_file: what the call made */
	KH_FIELD_MOUNT = 24,		/* struct kh_mount: of a descriptor, or the newest of the caller's namespace */
	KH_FIELD_MOUNT_POINT = 25,	/* where that mount is, as KH_FIELD_EXE, seen from the caller's root */
	KH_FIELD_MOUNT_ROOT = 26,	/* which directory of its file system that mount shows */
	KH_FIELD_BASE = 27,		/* the directory that the first path of the call starts from */
	KH_FIELD_TO_BASE = 28,		/* … and the second */
	KH_FIELD_VALUE = 29,		/* struct kh_nsfs: the descriptor that FSCONFIG_SET_FD or struct mount_attr has */
	KH_FIELD_ROOT = 30,		/* the caller's root, seen from that of its mount namespace */
	KH_FIELD_DURATION = 31,		/* nanoseconds from the entry of the call, a __u64 */
	KH_FIELD_PATH = 32,		/* of KH_COPY: where the first path of the call led, as KH_FIELD_EXE */
	KH_FIELD_TO_PATH = 33,		/* … and the second */
	KH_FIELD_NAMESPACE = 34,	/* struct kh_namespace, any number of them */
	KH_FIELD_NS_MOUNT = 35,		/* struct kh_ns_mount, any number of them */
	KH_FIELD_OPENED = 36,		/* struct kh_opened */
	KH_FIELD_OPENED_PATH = 37,	/* its path within its file system, as KH_FIELD_EXE */
};

enum kh_status {
	KH_OK = 0,
	KH_CUT = 1,		/* longer than what the kernel itself would take */
	KH_FAULT = 2,		/* not mapped, or not resident: no bytes follow */
	KH_OUTSIDE = 3,		/* a path that does not lead to the root of the caller */
};

struct kh_field {
	__u8 id;		/* an argument's index, or enum kh_field_id */
	__u8 status;		/* enum kh_status */
	__u16 length;		/* of the bytes; the next field starts at the next multiple of 8 */
	__u32 reserved;
};

/* The ids of the namespaces behind the links that are never reused; before Linux 6.18 that of mnt alone, else 0. */
struct kh_ns_ids {
	__u64 id[KH_NS_LINKS];
};

/* What a namespace is. Told once in each reading of an iterator, with its owner and parents up to the initial ones. */
struct kh_namespace {
	__u64 id;		/* as in struct kh_ns_ids */
	__u64 event;		/* of mnt: changes whenever its mount table does */
	__u32 type;		/* enum kh_link, one of the first eight */
	__u32 inum;
	__u32 owner;		/* inode number of the user namespace that owns it; 0 of the initial user namespace */
	__u32 parent;		/* of pid and user; 0 of the initial ones */
	__u32 level;		/* of pid and user: how many parents */
	__u32 uid;		/* of user: who made it, in the initial user namespace */
	__u32 mounts;		/* of mnt: how many it has */
	__u32 reserved;
};

/* A mount that shows a namespace file: what mount --bind /proc/PID/ns/net FILE makes. */
struct kh_ns_mount {
	__u64 id;		/* of the namespace, as in struct kh_ns_ids */
	__u32 type;		/* enum kh_link, one of the first eight */
	__u32 inum;
	__u32 ns;		/* the mount namespace it is in; 0 while it is detached */
	__u32 mount;		/* the mount's id in mountinfo */
};

enum kh_open_flag {
	KH_OPEN_DETACHED = 1 << 0,	/* its mount is in no mount namespace, or in an anonymous one */
	KH_OPEN_ROOT = 1 << 1,		/* it is the root of its mount, as what fsmount(2) returns is */
	KH_OPEN_SOCKET = 1 << 2,	/* a socket of a network namespace that its process is not in */
};

/* A descriptor of a namespace, or of a procfs that is detached. Followed by fields up to its length. */
struct kh_open_file {
	__u32 length;
	__u32 flags;		/* enum kh_open_flag */
	__u32 pid;
	__u32 fd;
	__u32 type;		/* enum kh_link; KH_NS_LINKS of a procfs */
	__u32 inum;
	__u64 id;		/* of the namespace, as in struct kh_ns_ids; of a procfs the unique id of the mount */
	__u32 dev;		/* of a procfs: the kernel's dev_t */
	__u32 reserved;
};

struct kh_nsfs {
	__u64 id;
	__u32 type;		/* CLONE_NEW* */
	__u32 inum;
};

struct kh_pidfd {
	__u32 pid;
	__u32 tid;
	__u64 start;
	__u32 ns[KH_NS_LINKS];
	__u8 comm[16];
};

struct kh_superblock {
	__u64 magic;
	__u32 dev;		/* the kernel's dev_t: major << 20 | minor */
	__u32 user_ns;
	__u32 pid_ns;		/* what follows is of procfs alone */
	__u32 pid_level;
	__u32 hidepid;
	__u32 gid;
	__u32 pidonly;
	__u32 reserved;
	__u8 fs_type[32];
};

/*
 * An open file that mounts are made with. dup(2), fork(2) and SCM_RIGHTS share the struct file, but a
 * freed one is used again at once: with the time it was made it is a name.
 */
struct kh_file {
	__u64 file;		/* the struct file */
	__u64 object;		/* the fs context, or the vfsmount, behind it */
	__u64 made;		/* CLOCK_BOOTTIME; 0 when no call was seen that made it */
};

struct kh_mount {
	__u64 id;		/* never used again; since 6.8, else 0 */
	__u64 object;		/* the vfsmount */
	__u64 ns_id;		/* of its mount namespace; 0 while it is detached */
	__u64 before;		/* of the newest: unique id of the one that was the newest before it; its own if unknown */
	__u32 ns;		/* inode number of that */
	__u32 old_id;		/* as in mountinfo */
	__u32 parent;		/* old_id of the mount it is attached to */
	__u32 flags;		/* MNT_*, include/linux/mount.h */
	__u32 sb_flags;		/* SB_* */
	__u32 mounts;		/* in its namespace */
};

/* Why an open is told: enum in kh_opened.why. */
enum kh_opened_why {
	KH_OPENED_ENTRY = 1 << 0,	/* its path may be one of the catalogue's: wildcards within a name are not looked at */
	KH_OPENED_FOREIGN = 1 << 1,	/* its mount is in a mount namespace that is not the caller's */
	KH_OPENED_RUNTIME = 1 << 2,	/* for writing, and it is one of `runtime_binaries` */
};

struct kh_opened {
	__u64 inode;
	__u64 start;		/* of the process whose directory of procfs it is in, CLOCK_BOOTTIME; 0 for none */
	__u32 pid;		/* of that process, in the initial pid namespace */
	__u32 dev;		/* of its superblock, the kernel's dev_t */
	__u32 mode;		/* FMODE_READ 1, FMODE_WRITE 2, FMODE_PATH 0x4000 */
	__u32 why;		/* enum kh_opened_why */
	__u8 fs_type[16];
};

/* Failed calls of one process with one result, beyond the rate of its workload. */
struct kh_summary_key {
	__u64 start;
	__u32 pid;
	__s32 ret;
	__u32 op;
	__u32 abi;
};

struct kh_summary {
	__u64 count;
	__u64 last;		/* CLOCK_BOOTTIME, nanoseconds */
	struct kh_event first;
};

struct kh_fscontext {
	__u32 purpose;		/* enum fs_context_purpose */
	__u32 phase;
	__u32 user_ns;
	__u32 reserved;
	__u8 fs_type[32];
};

#endif
