/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One program at the return of every system call, whatever its ABI. The return
 * is used alone, because each further program on the path of every call of the
 * node costs as much again, and because a call that seccomp refuses returns
 * without having been entered (SECCOMP_RET_ERRNO).
 */
#ifndef KEYHOLE_CALLS_H
#define KEYHOLE_CALLS_H

#include "opens.h"
#include "record.h"
#include "table.h"
#include <bpf/bpf_tracing.h>

SEC("tp_btf/sys_exit")
int BPF_PROG(call_returned, struct pt_regs *regs, long ret)
{
	__u8 abi = KH_ABI_NATIVE, op = op_of(call_number(regs), &abi);
	struct opened opened = {};
	struct task_struct *task;

	if (!op)
		return 0;
	task = CURRENT();
	if (is_open(op)) {
		opened.file = opened_by(task, ret, &opened.why);
		if (!opened.why)
			return 0;
	}
	record_return(task, regs, ret, op, abi, 0, opened);
	return 0;
}

#endif
