/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The record of a system call that has returned, whichever program saw it. Arguments are those of the saved
 * registers; strings are read from user memory after the call.
 */
#ifndef KEYHOLE_RECORD_H
#define KEYHOLE_RECORD_H

#include "base.h"
#include "clones.h"
#include "file.h"
#include "filter.h"
#include "limits.h"
#include "mount.h"
#include "ns_ids.h"
#include "opened.h"
#include "regs.h"
#include "ring.h"
#include "story.h"
#include "user.h"

/* A clone is an event when it makes a namespace, or was to make one and failed. */
static __always_inline bool makes_namespaces(struct kh_event *e, __u8 op)
{
	__u64 *made, flags = e->args[0];

	made = bpf_map_lookup_elem(&clones, &e->tid);
	if (made) {
		bpf_map_delete_elem(&clones, &e->tid);
		return 1;
	}
	if (e->ret >= 0)
		return 0;
	/* in clone(2) the bit of CLONE_NEWTIME is part of the exit signal */
	if (op == KH_OP_CLONE)
		return flags & CLONE_NEW_ALL;
	if (bpf_probe_read_user(&flags, sizeof(flags), (void *)e->args[0]))
		return 0;
	return flags & (CLONE_NEW_ALL | CLONE_NEWTIME | CLONE_EMPTY_MNTNS);
}

/* sizeof(struct clone_args) since 5.7; what an older caller gives is shorter */
#define CLONE_ARGS_SIZE 88
/* sizeof(struct mount_attr), and room for what follows it one day */
#define MOUNT_ATTR_SIZE 64
/* sizeof(struct open_how), and room for what follows it one day */
#define OPEN_HOW_SIZE 64

/* include/uapi/linux/{mount,fcntl}.h */
#define MS_REMOUNT 0x20
#define MS_BIND 0x1000
#define MS_MOVE 0x2000
#define MS_PROPAGATION (1 << 17 | 1 << 18 | 1 << 19 | 1 << 20)
#define MS_MGC_VAL 0xc0ed0000
#define MS_MGC_MSK 0xffff0000
#define MOVE_MOUNT_F_EMPTY_PATH 4
#define OPEN_TREE_CLONE 1
#define AT_EMPTY_PATH 0x1000
#define FSPICK_EMPTY_PATH 8

enum fsconfig_command {
	FSCONFIG_SET_STRING = 1,
	FSCONFIG_SET_BINARY = 2,
	FSCONFIG_SET_PATH = 3,
	FSCONFIG_SET_PATH_EMPTY = 4,
	FSCONFIG_SET_FD = 5,
};

/* Does mount(2) with these flags make a mount? The order is that of path_mount(), fs/namespace.c. */
static __always_inline bool makes_mount(__u64 flags)
{
	if ((flags & MS_MGC_MSK) == MS_MGC_VAL)
		flags &= ~MS_MGC_MSK;
	if (flags & MS_REMOUNT)
		return 0;
	return flags & MS_BIND || !(flags & (MS_PROPAGATION | MS_MOVE));
}

static __always_inline __u64 add_mount_fields(struct kh_event *e, __u64 at, struct task_struct *task)
{
	__u64 target;

	at = add_string(at, 0, e->args[0], PATH_MAX);
	at = add_string(at, 2, e->args[2], PATH_MAX);
	at = add_string(at, 4, e->args[4], PATH_MAX);
	target = at;
	at = add_string(at, 1, e->args[1], PATH_MAX);
	at = add_base(at, KH_FIELD_BASE, target, AT_FDCWD);
	if (!e->ret && makes_mount(e->args[3]))
		at = add_mount(at, (__u64)newest_mount(task), 1);
	return at;
}

static __always_inline __u64 add_fsconfig_fields(struct kh_event *e, __u64 at)
{
	at = add_string(at, 2, e->args[2], NAME_MAX_USER);
	switch ((__u32)e->args[1]) {
	case FSCONFIG_SET_STRING:
		at = add_string(at, 3, e->args[3], NAME_MAX_USER);
		break;
	case FSCONFIG_SET_BINARY:
		at = add_bytes(at, 3, e->args[3], (__u32)e->args[4], PATH_MAX);
		break;
	case FSCONFIG_SET_PATH:
	case FSCONFIG_SET_PATH_EMPTY:
		at = add_string(at, 3, e->args[3], PATH_MAX);
		break;
	case FSCONFIG_SET_FD:
		at = add_value(at, e->args[4]);
		break;
	}
	at = add_story_file(at, KH_FIELD_FILE, e->args[0]);
	return add_file(at, e->args[0]);
}

static __always_inline __u64 add_fsmount_fields(struct kh_event *e, __u64 at, struct task_struct *task)
{
	at = add_story_file(at, KH_FIELD_FILE, e->args[0]);
	at = add_file(at, e->args[0]);
	if (e->ret < 0)
		return at;
	/* a descriptor of a new mount namespace since 7.1, with FSMOUNT_NAMESPACE */
	if (is_nsfs(task, e->ret))
		return add_file(at, e->ret);
	at = add_story_file(at, KH_FIELD_MADE, e->ret);
	return add_mount(at, (__u64)mount_of_fd(task, e->ret), 0);
}

/* Is the path in the field at `path`, before what comes `next`, empty? No string is there for NULL, which stands for one. */
__attribute__((noinline)) __u64 is_empty_path(__u64 path, __u64 next)
{
	struct buffer *b = this_buffer();
	struct kh_field *field;

	if (!b || path > FIELD_LIMIT)
		return 0;
	field = field_at(b, path);
	return path == next || (field->status == KH_OK && !field->length);
}

static __always_inline __u64 add_move_mount_fields(struct kh_event *e, __u64 at, struct task_struct *task)
{
	bool by_fd = e->args[4] & MOVE_MOUNT_F_EMPTY_PATH;
	__u64 path = at;

	at = add_string(at, 1, e->args[1], PATH_MAX);
	by_fd = by_fd && is_empty_path(path, at);
	/* once the mount behind it has moved, a descriptor leads to the new place */
	if (e->ret || !by_fd)
		at = add_base(at, KH_FIELD_BASE, path, e->args[0]);
	path = at;
	at = add_string(at, 3, e->args[3], PATH_MAX);
	at = add_base(at, KH_FIELD_TO_BASE, path, e->args[2]);
	/* the descriptor itself is what is moved */
	if (!by_fd)
		return at;
	at = add_story_file(at, KH_FIELD_FILE, e->args[0]);
	if (e->ret)
		return add_file(at, e->args[0]);
	return add_mount(at, (__u64)mount_of_fd(task, e->args[0]), 0);
}

/* open_tree(2), open_tree_attr(2), mount_setattr(2) and fspick(2): a directory, a path and flags, and attributes. */
static __always_inline __u64 add_tree_fields(struct kh_event *e, __u64 at, struct task_struct *task, __u8 op)
{
	bool has_attr = op == KH_OP_OPEN_TREE_ATTR || op == KH_OP_MOUNT_SETATTR, by_fd;
	__u64 path;

	if (has_attr) {
		path = at;
		at = add_bytes(at, 3, e->args[3], e->args[4], MOUNT_ATTR_SIZE);
		at = add_attr_value(at, path);
	}
	path = at;
	at = add_string(at, 1, e->args[1], PATH_MAX);
	by_fd = is_empty_path(path, at);
	at = add_base(at, KH_FIELD_BASE, path, e->args[0]);
	if (by_fd && e->args[2] & (op == KH_OP_FSPICK ? FSPICK_EMPTY_PATH : AT_EMPTY_PATH)) {
		at = add_story_file(at, KH_FIELD_FILE, e->args[0]);
		if (op == KH_OP_MOUNT_SETATTR && !e->ret)
			return add_mount(at, (__u64)mount_of_fd(task, e->args[0]), 0);
	}
	if (op == KH_OP_MOUNT_SETATTR || e->ret < 0)
		return at;
	if (op == KH_OP_FSPICK) {
		at = add_story_file(at, KH_FIELD_MADE, e->ret);
		return add_file(at, e->ret);
	}
	/* a plain open_tree(2) opens a path; since 7.0 OPEN_TREE_NAMESPACE gives a descriptor of a new mount namespace */
	if (!(e->args[2] & OPEN_TREE_CLONE) || is_nsfs(task, e->ret))
		return add_file(at, e->ret);
	at = add_story_file(at, KH_FIELD_MADE, e->ret);
	return add_mount(at, (__u64)mount_of_fd(task, e->ret), 0);
}

/* A path to a directory that becomes the root, and for pivot_root(2) one where the old root goes. */
static __always_inline __u64 add_root_fields(struct kh_event *e, __u64 at, struct task_struct *task, __u8 op)
{
	__u64 path = at;

	if (op != KH_OP_FCHROOT) {
		at = add_string(at, 0, e->args[0], PATH_MAX);
		if (e->ret)
			at = add_base(at, KH_FIELD_BASE, path, AT_FDCWD);
	}
	if (op == KH_OP_PIVOT_ROOT)
		at = add_string(at, 1, e->args[1], PATH_MAX);
	if (e->ret)
		return at;
	at = add_root(at);
	if (op == KH_OP_PIVOT_ROOT)
		at = add_mount(at, (__u64)mount_of(BPF_CORE_READ(task, fs, root.mnt)), 0);
	return at;
}

/* add_ns_ids() of the current task, a function of its own as fill_call() is. */
__attribute__((noinline)) __u64 add_call_ns_ids(__u64 at)
{
	struct buffer *b = this_buffer();

	return b ? add_ns_ids(b, at, CURRENT()) : at;
}

static __always_inline __u64 add_fields(struct buffer *b, __u64 at, struct task_struct *task, __u8 op)
{
	struct kh_event *e = &b->event;
	__u64 path = at;

	switch (op) {
	case KH_OP_SETNS:
	case KH_OP_UNSHARE:
		if (!e->ret)
			at = add_call_ns_ids(at);
		return op == KH_OP_SETNS ? add_file(at, e->args[0]) : at;
	case KH_OP_MOUNT:
		return add_mount_fields(e, at, task);
	case KH_OP_FSOPEN:
		at = add_string(at, 0, e->args[0], NAME_MAX_USER);
		if (e->ret < 0)
			return at;
		at = add_story_file(at, KH_FIELD_MADE, e->ret);
		return add_file(at, e->ret);
	case KH_OP_FSCONFIG:
		return add_fsconfig_fields(e, at);
	case KH_OP_FSMOUNT:
		return add_fsmount_fields(e, at, task);
	case KH_OP_MOVE_MOUNT:
		return add_move_mount_fields(e, at, task);
	case KH_OP_FSPICK:
	case KH_OP_OPEN_TREE:
	case KH_OP_OPEN_TREE_ATTR:
	case KH_OP_MOUNT_SETATTR:
		return add_tree_fields(e, at, task, op);
	case KH_OP_PIVOT_ROOT:
	case KH_OP_CHROOT:
	case KH_OP_FCHROOT:
		return add_root_fields(e, at, task, op);
	case KH_OP_UMOUNT2:
	case KH_OP_UMOUNT:
		at = add_string(at, 0, e->args[0], PATH_MAX);
		return add_base(at, KH_FIELD_BASE, path, AT_FDCWD);
	case KH_OP_PIDFD_OPEN:
		return e->ret < 0 ? at : add_file(at, e->ret);
	case KH_OP_OPEN:
	case KH_OP_CREAT:
		return add_opened(add_string(at, 0, e->args[0], PATH_MAX));
	case KH_OP_OPENAT:
	case KH_OP_OPENAT2:
		/* what io_uring was asked for is in its own memory */
		if (!(e->flags & KH_F_IO_URING))
			at = add_string(at, 1, e->args[1], PATH_MAX);
		if (op == KH_OP_OPENAT2 && !(e->flags & KH_F_IO_URING))
			at = add_bytes(at, 2, e->args[2], e->args[3], OPEN_HOW_SIZE);
		return add_opened(at);
	case KH_OP_OPEN_BY_HANDLE_AT:
		return add_opened(at);
	case KH_OP_CLONE3:
		return add_bytes(at, 0, e->args[0], e->args[1], CLONE_ARGS_SIZE);
	}
	return at;
}

/* Both calls that make tasks return in the new task too. */
static __always_inline bool is_clone(__u8 op)
{
	return op == KH_OP_CLONE || op == KH_OP_CLONE3;
}

/* Did the task change its own namespaces? */
static __always_inline bool is_crossing(struct kh_event *e, __u8 op)
{
	return !e->ret && (op == KH_OP_SETNS || op == KH_OP_UNSHARE);
}

/*
 * fill_event() for the call that returns. A function of its own because the steps of its reads take up most of the
 * stack, of which programs and what they call have 512 bytes together. See add_string().
 */
__attribute__((noinline)) __u32 fill_call(void)
{
	struct buffer *b = this_buffer();

	if (b)
		fill_event(&b->event, CURRENT(), KH_SYSCALL, 1);
	return 0;
}

/* is_filtered() for the call that returns, apart for the same reason. */
__attribute__((noinline)) __u32 is_call_filtered(void)
{
	struct buffer *b = this_buffer();

	return b ? is_filtered(&b->event, CURRENT()) : 0;
}

#ifdef KEYHOLE_TRAMPOLINES
/* fill_args() for the call that returns, apart for the same reason. */
__attribute__((noinline)) __u32 fill_args_of(void)
{
	struct buffer *b = this_buffer();

	if (b)
		fill_args(&b->event, b->regs);
	return 0;
}

static __always_inline void fill_call_args(struct buffer *b, struct pt_regs *regs)
{
	b->regs = regs;
	fill_args_of();
}
#else
static __always_inline void fill_call_args(struct buffer *b, struct pt_regs *regs)
{
	fill_args(&b->event, regs);
}
#endif

/* What a call opened, where it did. */
struct opened {
	struct file *file;
	__u32 why;	/* enum kh_opened_why */
	__u32 flags;	/* KH_F_IO_URING, or none */
};

/* record_return() in a buffer that is the call's own. */
static __always_inline void record_in(struct buffer *b, struct task_struct *task, struct pt_regs *regs, long ret, __u8 op,
				      __u8 abi, __u64 entered, struct opened opened)
{
	__u64 at = sizeof(b->event), *duration;
	struct kh_event *e = &b->event;
	__u32 admission = ADMITTED;
	unsigned long pending;

	if (is_clone(op)) {
		/* most clones make threads: tell them apart before anything is read */
		e->op = op;
		e->abi = abi;
		e->ret = ret;
		e->tid = bpf_get_current_pid_tgid();
		fill_call_args(b, regs);
		if (!makes_namespaces(e, op))
			return;
	}
	if (!filter_kinds) {
		e->op = op;
		e->abi = abi;
		e->ret = ret;
		admission = admit();
		if (admission == COUNTED)
			return;
	}
	fill_call();
	e->op = op;
	e->abi = abi;
	e->ret = ret;
	fill_call_args(b, regs);
	if (filter_kinds) {
		if (is_call_filtered()) {
			/* user space must know where the task is when it comes back into view */
			if (is_crossing(e, op)) {
				e->kind = KH_MOVED;
				submit(e, add_call_ns_ids(at));
			}
			return;
		}
		admission = admit();
		if (admission == COUNTED)
			return;
	}
	if (admission == TO_BE_COUNTED) {
		begin_summary();
		return;
	}
	pending = READ(task, pending.signal.sig[0]);
	e->flags |= opened.flags;
	if (ret == rolled_back(regs) && pending & (1UL << (SIGSYS - 1)))
		e->flags |= KH_F_SIGSYS;
	if (ret < 0 && (pending & (1UL << (SIGKILL - 1)) || READ(task, signal, flags) & SIGNAL_GROUP_EXIT))
		e->flags |= KH_F_KILLED;
	if (entered) {
		duration = add_struct(b, &at, KH_FIELD_DURATION, sizeof(*duration));
		if (duration)
			*duration = e->time - entered;
	}
	at = add_fields(b, at, task, op);
	/* whoever else got into this buffer has left its mark: nothing is told rather than two halves */
	if (e->tid != (__u32)bpf_get_current_pid_tgid()) {
		count_lost(KH_LOST_BUFFER);
		return;
	}
	submit(e, at);
}

/*
 * The record of a call that has returned, or has opened a file; `entered` is when it was made, 0 where that is not known.
 */
static __always_inline void record_return(struct task_struct *task, struct pt_regs *regs, long ret, __u8 op, __u8 abi,
					  __u64 entered, struct opened opened)
{
	struct buffer *b;

	if (agent_tgid && (bpf_get_current_pid_tgid() >> 32) == agent_tgid)
		return;
	if (is_clone(op) && !ret)
		return;
	b = claim_buffer();
	if (!b)
		return;
	b->opened = (__u64)opened.file;
	b->why = opened.why;
	record_in(b, task, regs, ret, op, abi, entered, opened);
	release_buffer();
}

#endif
