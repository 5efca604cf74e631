/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One program at the return of every system call, whatever its ABI. The return
 * is used alone, because each further program on the path of every call of the
 * node costs as much again, and because a call that seccomp refuses returns
 * without having been entered (SECCOMP_RET_ERRNO).
 */
#ifndef KEYHOLE_CALLS_H
#define KEYHOLE_CALLS_H

#include "record.h"
#include <bpf/bpf_tracing.h>

#define CALLS 512

/*
 * What each call number means: enum kh_op of the native ABI in the low byte, of
 * the 32-bit one in the high byte. Filled from src/capture/calls.ts.
 */
const volatile __u16 calls[CALLS];

SEC("tp_btf/sys_exit")
int BPF_PROG(call_returned, struct pt_regs *regs, long ret)
{
	long number = call_number(regs);
	struct task_struct *task;
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
	if (op)
		record_return(task, regs, ret, op, abi);
	return 0;
}

#endif
