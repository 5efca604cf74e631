/* SPDX-License-Identifier: GPL-2.0-only */
/* One read of this iterator is every task of the node, since 5.8. */
#ifndef KEYHOLE_INVENTORY_H
#define KEYHOLE_INVENTORY_H

#include "namespaces.h"
#include "path.h"
#include "task.h"

/* Does the thread share the namespaces and the credentials of its leader? Then the leader's record is its own. */
static __always_inline bool is_like_leader(struct task_struct *task, struct task_struct *leader)
{
	return task != leader && BPF_CORE_READ(task, nsproxy) == BPF_CORE_READ(leader, nsproxy) &&
	       BPF_CORE_READ(task, real_cred) == BPF_CORE_READ(leader, real_cred);
}

SEC("iter/task")
int tasks(struct bpf_iter__task *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct buffer *b;
	__u64 at;

	if (!task || is_like_leader(task, BPF_CORE_READ(task, group_leader)))
		return 0;
	b = buffer_at(SLOT_INVENTORY);
	if (!b)
		return 0;
	fill_event(&b->event, task, KH_TASK, 0);
	begin_telling(ctx->meta->session_id, b->event.tid);
	at = add_exe(b, SLOT_INVENTORY, sizeof(b->event), task);
	at = add_task_namespaces(at, task);
	if (at > BUFFER_SIZE)
		return 0;
	b->event.length = at;
	bpf_seq_write(seq, &b->event, at);
	return 0;
}

#endif
