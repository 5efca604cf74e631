/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that return without having entered the function of their name. */
#ifndef KEYHOLE_REFUSED_H
#define KEYHOLE_REFUSED_H

#include "entry.h"
#include "killed.h"
#include "record.h"
#include "table.h"
#include <bpf/bpf_tracing.h>

/* The registers that the current task entered the kernel with. */
static __always_inline struct pt_regs *current_regs(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	if (HAS_HELPER(task_pt_regs))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return BPF_CORE_READ(task, stack) + THREAD_SIZE - bpf_core_type_size(struct pt_regs);
}

/* What the call is to return instead is in its registers. */
static __always_inline int record_refused(void)
{
	struct pt_regs *regs = current_regs();
	struct task_struct *task = CURRENT();
	__u8 abi = KH_ABI_NATIVE, op = op_of(call_number(regs), &abi);

	if (op && !stopped)
		record_return(task, regs, call_result(regs), op, abi, 0, (struct opened){});
	return 0;
}

/* Until 7.2; returns -1 for a call that is not to be made. Runs in tasks that have seccomp filters alone. */
SEC("fexit/__secure_computing")
int seccomp_refused(unsigned long long *ctx)
{
	__u64 ret = 0;

	/* its parameter went away in 6.16 */
	if (HAS_HELPER(get_func_ret))
		bpf_get_func_ret(ctx, &ret);
	else
		ret = ctx[1];
	return (__s32)ret == -1 ? record_refused() : 0;
}

/* Since 7.3. */
SEC("fexit/__seccomp_permit_syscall")
int BPF_PROG(seccomp_forbade, bool is_permitted)
{
	return is_permitted ? 0 : record_refused();
}

/* The calls of the list that have no program of their own, by number as in `calls`. */
const volatile __u16 other_calls[CALLS];

/* As in the attach mode "tracepoint", for those alone. */
SEC("tp_btf/sys_exit")
int BPF_PROG(call_returned, struct pt_regs *regs, long ret)
{
	struct task_struct *task = CURRENT();
	__u8 abi = KH_ABI_NATIVE, op = op_in(other_calls, call_number(regs), &abi);

	if (op && !stopped)
		record_return(task, regs, ret, op, abi, 0, (struct opened){});
	return 0;
}

#endif
