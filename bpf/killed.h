/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A call that SECCOMP_RET_KILL_THREAD ends in a process with other threads returns nowhere: __seccomp_filter() calls
 * do_exit(SIGSYS), and no tracepoint of system calls is passed. It is told when the thread ends.
 */
#ifndef KEYHOLE_KILLED_H
#define KEYHOLE_KILLED_H

#include "filter.h"
#include "ring.h"
#include "table.h"
#include "task.h"

#define THREAD_SIZE 16384	/* of x86-64 without KASAN, and of arm64 with pages of 4 KiB */

/* sizeof(struct pt_regs): 168 on x86-64, 336 on arm64 */
#define MAX_REGS 384

struct saved_regs {
	__u8 bytes[MAX_REGS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct saved_regs);
} saved_regs SEC(".maps");

/*
 * A copy of the registers that a task entered the kernel with; NULL if unreadable. They lie at the top of its stack, but
 * for some room with FRED (x86-64, 6.9): where there is a helper, it knows.
 */
static __always_inline struct pt_regs *entry_regs(struct task_struct *task)
{
	__u32 zero = 0, size = bpf_core_type_size(struct pt_regs);
	void *copy = bpf_map_lookup_elem(&saved_regs, &zero);
	void *stack = BPF_CORE_READ(task, stack);

	void *regs = stack + THREAD_SIZE - size;

	if (HAS_HELPER(task_pt_regs))
		regs = (void *)bpf_task_pt_regs(task);
	if (!copy || size > MAX_REGS || bpf_probe_read_kernel(copy, size, regs))
		return 0;
	return copy;
}

/*
 * Did seccomp end this thread alone? Whoever ends a whole process says so first (SIGNAL_GROUP_EXIT), and then the call
 * returns.
 */
static __always_inline bool is_killed_alone(struct task_struct *task)
{
	if ((READ(task, exit_code) & 0x7f) != SIGSYS)
		return 0;
	/* whoever waited for this thread may end the process for another reason before it gets here */
	return !(READ(task, signal, flags) & SIGNAL_GROUP_EXIT) ||
	       (READ(task, signal, group_exit_code) & 0x7f) != SIGSYS;
}

/* The head alone: the memory that the strings were in is gone (exit_mm()). */
static __always_inline void tell_killed(struct task_struct *task, struct kh_event *e)
{
	struct pt_regs *regs = entry_regs(task);
	__u8 abi = KH_ABI_NATIVE, op;

	if (!regs)
		return;
	op = op_of(call_number(regs), &abi);
	if (!op || is_open(op) || (agent_tgid && e->pid == agent_tgid) || is_filtered(e, task))
		return;
	e->kind = KH_SYSCALL;
	e->op = op;
	e->abi = abi;
	e->flags |= KH_F_SIGSYS;
	fill_args(e, regs);
	submit(e, sizeof(*e));
}

#endif
