/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One program at the return of every system call, whatever its ABI. The return
 * is used alone, because each further program on the path of every call of the
 * node costs as much again, and because a call that seccomp refuses returns
 * without having been entered (SECCOMP_RET_ERRNO). Arguments are those of the
 * saved registers; strings are read from user memory after the call.
 */
#ifndef KEYHOLE_CALLS_H
#define KEYHOLE_CALLS_H

#include "clones.h"
#include "file.h"
#include "filter.h"
#include "ns_ids.h"
#include "ring.h"
#include "user.h"
#include <bpf/bpf_tracing.h>

#define CALLS 512

/*
 * What each call number means: enum kh_op of the native ABI in the low byte, of
 * the 32-bit one in the high byte. Filled from src/capture/calls.ts.
 */
const volatile __u16 calls[CALLS];

static __always_inline bool is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return READ(task, thread_info.status) & TS_COMPAT;
#else
	return READ(task, thread_info.flags) & (1UL << TIF_32BIT);
#endif
}

#if defined(__TARGET_ARCH_x86)
static __always_inline long call_number(struct pt_regs *regs)
{
	return (__s32)READ(regs, orig_ax);
}

/* What syscall_rollback() leaves in the register of the result. */
static __always_inline long rolled_back(struct pt_regs *regs)
{
	return call_number(regs);
}

static __always_inline void fill_args(struct kh_event *e, struct pt_regs *regs)
{
	if (e->abi == KH_ABI_COMPAT) {
		e->args[0] = (__u32)READ(regs, bx);
		e->args[1] = (__u32)READ(regs, cx);
		e->args[2] = (__u32)READ(regs, dx);
		e->args[3] = (__u32)READ(regs, si);
		e->args[4] = (__u32)READ(regs, di);
		e->args[5] = (__u32)READ(regs, bp);
		return;
	}
	e->args[0] = READ(regs, di);
	e->args[1] = READ(regs, si);
	e->args[2] = READ(regs, dx);
	e->args[3] = READ(regs, r10);
	e->args[4] = READ(regs, r8);
	e->args[5] = READ(regs, r9);
}
#else
static __always_inline long call_number(struct pt_regs *regs)
{
	return READ(regs, syscallno);
}

/* What syscall_rollback() leaves in the register of the result. */
static __always_inline long rolled_back(struct pt_regs *regs)
{
	return READ(regs, orig_x0);
}

static __always_inline void fill_args(struct kh_event *e, struct pt_regs *regs)
{
	__u64 mask = e->abi == KH_ABI_COMPAT ? 0xffffffff : ~0ULL;

	/* the result is in x0 by now */
	e->args[0] = READ(regs, orig_x0) & mask;
	e->args[1] = READ(regs, regs[1]) & mask;
	e->args[2] = READ(regs, regs[2]) & mask;
	e->args[3] = READ(regs, regs[3]) & mask;
	e->args[4] = READ(regs, regs[4]) & mask;
	e->args[5] = READ(regs, regs[5]) & mask;
}
#endif

/* A clone is an event when it makes a namespace, or was to make one and failed. */
static __always_inline bool makes_namespaces(struct kh_event *e)
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
	if (e->op == KH_OP_CLONE)
		return flags & CLONE_NEW_ALL;
	if (bpf_probe_read_user(&flags, sizeof(flags), (void *)e->args[0]))
		return 0;
	return flags & (CLONE_NEW_ALL | CLONE_NEWTIME);
}

/* sizeof(struct clone_args) since 5.7; what an older caller gives is shorter */
#define CLONE_ARGS_SIZE 88
/* sizeof(struct mount_attr), and room for what follows it one day */
#define MOUNT_ATTR_SIZE 64

static __always_inline __u32 add_fields(struct buffer *b, __u32 at, struct task_struct *task)
{
	struct kh_event *e = &b->event;
	__s32 fd = -1;		/* the descriptor that the call was given, or made */

	switch (e->op) {
	case KH_OP_SETNS:
	case KH_OP_UNSHARE:
		if (!e->ret)
			at = add_ns_ids(b, at, task);
		if (e->op == KH_OP_SETNS)
			fd = e->args[0];
		break;
	case KH_OP_FSMOUNT:
		fd = e->args[0];
		break;
	case KH_OP_MOUNT:
		at = add_string(at, 0, e->args[0], PATH_MAX);
		at = add_string(at, 1, e->args[1], PATH_MAX);
		at = add_string(at, 2, e->args[2], PATH_MAX);
		at = add_string(at, 4, e->args[4], PATH_MAX);
		break;
	case KH_OP_FSOPEN:
		at = add_string(at, 0, e->args[0], NAME_MAX_USER);
		break;
	case KH_OP_FSCONFIG:
		fd = e->args[0];
		at = add_string(at, 2, e->args[2], NAME_MAX_USER);
		switch ((__u32)e->args[1]) {
		case 1:		/* FSCONFIG_SET_STRING */
			at = add_string(at, 3, e->args[3], NAME_MAX_USER);
			break;
		case 2:		/* FSCONFIG_SET_BINARY */
			at = add_bytes(at, 3, e->args[3], (__u32)e->args[4], PATH_MAX);
			break;
		case 3:		/* FSCONFIG_SET_PATH */
		case 4:		/* FSCONFIG_SET_PATH_EMPTY */
			at = add_string(at, 3, e->args[3], PATH_MAX);
			break;
		}
		break;
	case KH_OP_MOVE_MOUNT:
		/* MOVE_MOUNT_F_EMPTY_PATH: the descriptor itself is what is moved */
		if (e->args[4] & 4)
			fd = e->args[0];
		at = add_string(at, 1, e->args[1], PATH_MAX);
		at = add_string(at, 3, e->args[3], PATH_MAX);
		break;
	case KH_OP_OPEN_TREE_ATTR:
	case KH_OP_MOUNT_SETATTR:
		at = add_bytes(at, 3, e->args[3], e->args[4], MOUNT_ATTR_SIZE);
		/* fall through */
	case KH_OP_FSPICK:
	case KH_OP_OPEN_TREE:
		at = add_string(at, 1, e->args[1], PATH_MAX);
		if (e->op != KH_OP_MOUNT_SETATTR)
			fd = e->ret;
		break;
	case KH_OP_PIVOT_ROOT:
		at = add_string(at, 1, e->args[1], PATH_MAX);
		/* fall through */
	case KH_OP_UMOUNT2:
	case KH_OP_UMOUNT:
	case KH_OP_CHROOT:
		at = add_string(at, 0, e->args[0], PATH_MAX);
		break;
	case KH_OP_PIDFD_OPEN:
		fd = e->ret;
		break;
	case KH_OP_CLONE3:
		at = add_bytes(at, 0, e->args[0], e->args[1], CLONE_ARGS_SIZE);
		break;
	}
	return fd < 0 ? at : add_file(at, fd);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(call_returned, struct pt_regs *regs, long ret)
{
	long number = call_number(regs);
	struct task_struct *task;
	struct buffer *b;
	__u16 both;
	__u8 op, abi = KH_ABI_NATIVE;

	if ((__u64)(number & ~X32_SYSCALL_BIT) >= CALLS)
		return 0;
	both = calls[number & (CALLS - 1)];
	if (!both)
		return 0;

	task = CURRENT();
	if (is_compat(task)) {
		abi = KH_ABI_COMPAT;
		op = both >> 8;
	} else {
		if (number & X32_SYSCALL_BIT)
			abi = KH_ABI_X32;
		op = both;
	}
	if (!op || (agent_tgid && (bpf_get_current_pid_tgid() >> 32) == agent_tgid))
		return 0;
	/* the child of a clone returns from it too */
	if ((op == KH_OP_CLONE || op == KH_OP_CLONE3) && !ret)
		return 0;

	b = this_buffer();
	if (!b)
		return 0;
	if (op == KH_OP_CLONE || op == KH_OP_CLONE3) {
		struct kh_event *e = &b->event;

		/* most clones make threads: tell them apart before anything is read */
		e->op = op;
		e->abi = abi;
		e->ret = ret;
		e->tid = bpf_get_current_pid_tgid();
		fill_args(e, regs);
		if (!makes_namespaces(e))
			return 0;
	}
	fill_event(&b->event, task, KH_SYSCALL);
	b->event.op = op;
	b->event.abi = abi;
	b->event.ret = ret;
	fill_args(&b->event, regs);
	if (is_filtered(&b->event, task))
		return 0;
	if (ret == rolled_back(regs) && (READ(task, pending.signal.sig[0]) & (1UL << (SIGSYS - 1))))
		b->event.flags |= KH_F_SIGSYS;
	submit(&b->event, add_fields(b, sizeof(b->event), task));
	return 0;
}

#endif
