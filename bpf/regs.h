/* SPDX-License-Identifier: GPL-2.0-only */
/* The saved registers of a system call: its number, its ABI and its arguments. */
#ifndef KEYHOLE_REGS_H
#define KEYHOLE_REGS_H

#include "event.h"
#include "read.h"

static __always_inline bool is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return HOT(task, thread_info.status) & TS_COMPAT;
#else
	return HOT(task, thread_info.flags) & (1UL << TIF_32BIT);
#endif
}

#if defined(__TARGET_ARCH_x86)
static __always_inline long call_number(struct pt_regs *regs)
{
	return (__s32)HOT(regs, orig_ax);
}

/* What the call is to return. */
static __always_inline long call_result(struct pt_regs *regs)
{
	return HOT(regs, ax);
}

/* What syscall_rollback() leaves in the register of the result. */
static __always_inline long rolled_back(struct pt_regs *regs)
{
	return call_number(regs);
}

static __always_inline void fill_args(struct kh_event *e, struct pt_regs *regs)
{
	if (e->abi == KH_ABI_COMPAT) {
		e->args[0] = (__u32)HOT(regs, bx);
		e->args[1] = (__u32)HOT(regs, cx);
		e->args[2] = (__u32)HOT(regs, dx);
		e->args[3] = (__u32)HOT(regs, si);
		e->args[4] = (__u32)HOT(regs, di);
		e->args[5] = (__u32)HOT(regs, bp);
		return;
	}
	e->args[0] = HOT(regs, di);
	e->args[1] = HOT(regs, si);
	e->args[2] = HOT(regs, dx);
	e->args[3] = HOT(regs, r10);
	e->args[4] = HOT(regs, r8);
	e->args[5] = HOT(regs, r9);
}
#else
static __always_inline long call_number(struct pt_regs *regs)
{
	return HOT(regs, syscallno);
}

/* What the call is to return. */
static __always_inline long call_result(struct pt_regs *regs)
{
	return HOT(regs, regs[0]);
}

/* What syscall_rollback() leaves in the register of the result. */
static __always_inline long rolled_back(struct pt_regs *regs)
{
	return HOT(regs, orig_x0);
}

static __always_inline void fill_args(struct kh_event *e, struct pt_regs *regs)
{
	__u64 mask = e->abi == KH_ABI_COMPAT ? 0xffffffff : ~0ULL;

	/* the result is in x0 by now */
	e->args[0] = HOT(regs, orig_x0) & mask;
	e->args[1] = HOT(regs, regs[1]) & mask;
	e->args[2] = HOT(regs, regs[2]) & mask;
	e->args[3] = HOT(regs, regs[3]) & mask;
	e->args[4] = HOT(regs, regs[4]) & mask;
	e->args[5] = HOT(regs, regs[5]) & mask;
}
#endif

#endif
