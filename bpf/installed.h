/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files that get a descriptor: where opens are seen in the attach mode "fentry". The function is passed by every call that
 * opens a file, whichever way it was called, io_uring's among them; the file is open by then, and nothing can fail any
 * more. No other thread can have put something else in its place yet.
 */
#ifndef KEYHOLE_INSTALLED_H
#define KEYHOLE_INSTALLED_H

#include "entry.h"
#include "opens.h"
#include "refused.h"
#include <bpf/bpf_tracing.h>

#define IO_URING_ENTER 426	/* in every ABI */

/* The calls that open files, by number as in `calls`. */
const volatile __u16 open_calls[CALLS];

/*
 * Does the task work for io_uring? Before 5.12 what cannot be done at once is done by kernel threads in the host's
 * namespaces, and an open never could: it is not seen there.
 */
static __always_inline bool is_io_uring(struct task_struct *task, struct pt_regs *regs)
{
	return READ(task, flags) & PF_IO_WORKER || call_number(regs) == IO_URING_ENTER;
}

/* One reference: what is passed on (SCM_RIGHTS, IORING_OP_RECVMSG) is still held by who sent it. */
static __always_inline bool is_new(struct file *file)
{
	/* one less than the references, since 6.13 */
	if (bpf_core_field_exists(file->f_ref))
		return BPF_CORE_READ(file, f_ref.refcnt.counter) == 0;
	return BPF_CORE_READ((struct file___v6_12 *)file, f_count.counter) == 1;
}

/* `argument` is where the struct file is among the function's arguments. */
static __always_inline int installed(const __u64 *argument, long ret)
{
	struct task_struct *task = CURRENT();
	__u8 abi = KH_ABI_NATIVE, op;
	struct opened opened = {};
	struct pt_regs *regs;
	struct file *file;

	if (stopped || !is_elsewhere(task))
		return 0;
	/* as a number: functions of BPF take no typed pointer */
	bpf_probe_read_kernel(&file, sizeof(file), argument);
	opened.file = file;
	regs = current_regs();
	op = op_in(open_calls, call_number(regs), &abi);
	if (!op) {
		if (!is_io_uring(task, regs) || !is_new(file))
			return 0;
		op = KH_OP_OPENAT2;
		opened.flags = KH_F_IO_URING;
	}
	opened.why = examine((__u64)file);
	if (opened.why)
		record_return(task, regs, ret, op, abi, 0, opened);
	return 0;
}

SEC("fentry/fd_install")
int file_opened(const __u64 *ctx)
{
	return installed(ctx + 1, (__u32)ctx[0]);
}

/* A file of io_uring's own table, which has no descriptor (since 5.19): the operation returns 0. */
SEC("fentry/io_fixed_fd_install")
int fixed_file_opened(const __u64 *ctx)
{
	return installed(ctx + 2, 0);
}

#endif
