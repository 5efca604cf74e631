/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of tasks: what keeps user space's view of who is where exact between two inventories. */
#ifndef KEYHOLE_LIFE_H
#define KEYHOLE_LIFE_H

#include "clones.h"
#include "killed.h"
#include "ns_ids.h"
#include "path.h"
#include "ring.h"
#include "task.h"
#include <bpf/bpf_tracing.h>

SEC("tp_btf/task_newtask")
int BPF_PROG(task_created, struct task_struct *task, unsigned long clone_flags)
{
	struct buffer *b = buffer_at(SLOT_FORK);
	__u32 tid = bpf_get_current_pid_tgid();
	__u64 flags = clone_flags;
	__u64 at;

	if (!b)
		return 0;
	fill_event(&b->event, task, KH_FORK, 0);
	b->event.args[0] = flags;
	b->event.args[1] = tid;
	at = sizeof(b->event);
	if (flags & (CLONE_NEW_ALL | CLONE_NEWTIME)) {
		if (bpf_map_update_elem(&clones, &tid, &flags, BPF_ANY))
			count_lost(KH_LOST_CLONE);
		at = add_ns_ids(b, at, task);
	}
	submit(&b->event, at);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(task_executed, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct buffer *b = buffer_at(SLOT_EXEC);
	__u64 at;

	if (!b)
		return 0;
	fill_event(&b->event, task, KH_EXEC, 0);
	b->event.args[0] = old_pid;
	at = add_exe(b, SLOT_EXEC, sizeof(b->event), task);
	submit(&b->event, at);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(task_exited, struct task_struct *task)
{
	struct kh_event e;

	fill_event(&e, task, KH_EXIT, 0);
	if (is_killed_alone(task)) {
		tell_killed(task, &e);
		fill_event(&e, task, KH_EXIT, 0);
	}
	submit(&e, sizeof(e));
	return 0;
}

#endif
