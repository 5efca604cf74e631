/* SPDX-License-Identifier: GPL-2.0-only */
/* One read of this iterator is every task of the node, since 5.8. */
#ifndef KEYHOLE_INVENTORY_H
#define KEYHOLE_INVENTORY_H

#include "path.h"
#include "task.h"

/*
 * An iterator runs with preemption on, so that a call may return on this CPU in
 * the middle of it: it has buffers of its own. One reader at a time.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct buffer);
} inventory_buffer SEC(".maps");

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
	__u32 zero = 0;
	__u64 at;

	if (!task || is_like_leader(task, BPF_CORE_READ(task, group_leader)))
		return 0;
	b = bpf_map_lookup_elem(&inventory_buffer, &zero);
	if (!b)
		return 0;
	fill_event(&b->event, task, KH_TASK);
	at = add_exe(b, sizeof(b->event), task);
	if (at > BUFFER_SIZE)
		return 0;
	b->event.length = at;
	bpf_seq_write(seq, &b->event, at);
	return 0;
}

#endif
