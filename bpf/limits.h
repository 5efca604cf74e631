/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A system call that fails needs no privilege, and can be made a million times a second. What a workload may put into
 * the ring is limited, so that it cannot crowd out what others do: beyond its rate its failed calls are counted
 * exactly, by process and result, instead of being told one by one.
 */
#ifndef KEYHOLE_LIMITS_H
#define KEYHOLE_LIMITS_H

#include "ring.h"

/* The cgroup of a task on each hierarchy: what the node's operator set apart. */
struct workload {
	__u64 cgroup;
	__u64 cgroup_v1;
};

/* When the next failed call of a workload is due if its calls are spread evenly: the generic cell rate algorithm. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct workload);
	__type(value, __u64);
} workloads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct kh_summary_key);
	__type(value, struct kh_summary);
} summaries SEC(".maps");

/* Nanoseconds between two records at a workload's rate, and what may be used up at once; 0: no limit. */
const volatile __u64 limit_interval;
const volatile __u64 limit_burst;
/* Bytes in the ring from which on it is kept for workloads that are within their rate. */
const volatile __u64 limit_pressure;

/* Calls that were counted and not told. */
__u64 summarised;

/*
 * Is the workload within its rate? Two processors may both take the last turn, so that a few more records get in than
 * the rate allows; none is counted wrong.
 */
static __always_inline bool is_within_rate(struct kh_event *e)
{
	struct workload key = { .cgroup = e->cgroup, .cgroup_v1 = e->cgroup_v1 };
	__u64 *due = bpf_map_lookup_elem(&workloads, &key);
	__u64 next = e->time;

	if (due && *due > next)
		next = *due;
	if (next > e->time + limit_burst)
		return 0;
	next += limit_interval;
	if (due)
		*due = next;
	else
		bpf_map_update_elem(&workloads, &key, &next, BPF_ANY);
	return 1;
}

static __always_inline void count_failed(struct buffer *b)
{
	struct kh_event *e = &b->event;
	struct kh_summary_key key = { .start = e->start, .pid = e->pid, .ret = e->ret, .op = e->op, .abi = e->abi };
	struct kh_summary *summary = bpf_map_lookup_elem(&summaries, &key);

	if (!summary) {
		b->count = 0;
		b->last = e->time;
		/* another thread of the process may come first: then its head stands for both */
		bpf_map_update_elem(&summaries, &key, b, BPF_NOEXIST);
		summary = bpf_map_lookup_elem(&summaries, &key);
		if (!summary) {
			count_lost(KH_LOST_SUMMARY);
			return;
		}
	}
	__sync_fetch_and_add(&summary->count, 1);
	summary->last = e->time;
	__sync_fetch_and_add(&summarised, 1);
}

/* Does the record of this call go into the ring? If not, it has been counted. */
static __always_inline bool is_admitted(struct buffer *b)
{
	struct kh_event *e = &b->event;
	bool failed = e->ret < 0;
	bool pressure = bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > limit_pressure;

	if (!limit_interval || (!failed && !pressure))
		return 1;
	if (is_within_rate(e) && !(failed && pressure))
		return 1;
	if (failed)
		count_failed(b);
	else
		count_lost(KH_LOST_WORKLOAD);
	return 0;
}

#endif
