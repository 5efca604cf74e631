/* SPDX-License-Identifier: GPL-2.0-only */
/* Which tasks are left out, decided before anything is read for them. */
#ifndef KEYHOLE_FILTER_H
#define KEYHOLE_FILTER_H

#include "event.h"
#include "task.h"

enum filter_kind {
	FILTER_CGROUP = 1,
	FILTER_CGROUP_V1 = 2,
	FILTER_PIDNS = 3,
	FILTER_UID = 4,
};

enum filter_verdict {
	FILTER_INCLUDE = 1,
	FILTER_EXCLUDE = 2,
};

struct filter_key {
	__u32 kind;
	__u32 reserved;
	__u64 value;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct filter_key);
	__type(value, __u8);
} filters SEC(".maps");

/* Bit 1 << kind: the kind has entries at all; has entries that include. */
const volatile __u32 filter_kinds;
const volatile __u32 filter_includes;
/* The agent itself, 0 when it is to be seen too. */
const volatile __u32 agent_tgid;

/* Calls that a filter left out. */
__u64 filtered;

static __always_inline __u8 verdict_of(__u32 kind, __u64 value)
{
	struct filter_key key = { .kind = kind, .value = value };
	__u8 *verdict = bpf_map_lookup_elem(&filters, &key);

	return verdict ? *verdict : 0;
}

/* Deeper hierarchies than this are matched by their lower part alone. */
#define MAX_CGROUP_DEPTH 16

/* A cgroup is filtered with all below it: the nearest ancestor that a filter names decides. */
static __always_inline __u8 cgroup_verdict(__u32 kind, struct kernfs_node *node)
{
	for (int i = 0; i < MAX_CGROUP_DEPTH && node; i++) {
		__u8 verdict = verdict_of(kind, BPF_CORE_READ(node, id));

		if (verdict)
			return verdict;
		if (bpf_core_field_exists(node->__parent))	/* since 6.15 */
			node = BPF_CORE_READ(node, __parent);
		else
			node = BPF_CORE_READ((struct kernfs_node___v6_14 *)node, parent);
	}
	return 0;
}

static __always_inline bool rejects(__u32 kind, __u8 verdict)
{
	return verdict ? verdict == FILTER_EXCLUDE : filter_includes & (1 << kind);
}

/*
 * A task passes when nothing excludes it and every kind that includes anything includes it. On a hybrid
 * host a task is in a cgroup of each hierarchy; to be excluded, or included, in one of them is enough.
 */
static __always_inline bool is_left_out(struct kh_event *e, struct task_struct *task)
{
	bool reject = 0;

	if (filter_kinds & (1 << FILTER_CGROUP)) {
		struct css_set *cgroups = BPF_CORE_READ(task, cgroups);
		__u8 v2 = cgroup_verdict(FILTER_CGROUP, BPF_CORE_READ(cgroups, dfl_cgrp, kn));
		__u8 v1 = cgroup_verdict(FILTER_CGROUP_V1, memory_cgroup(task));

		reject |= rejects(FILTER_CGROUP, v1 > v2 ? v1 : v2);
	}
	if (filter_kinds & (1 << FILTER_PIDNS))
		reject |= rejects(FILTER_PIDNS, verdict_of(FILTER_PIDNS, e->ns[KH_NS_PID]));
	if (filter_kinds & (1 << FILTER_UID))
		reject |= rejects(FILTER_UID, verdict_of(FILTER_UID, e->uid));
	return reject;
}

/* is_left_out() of a call, counted. */
static __always_inline bool is_filtered(struct kh_event *e, struct task_struct *task)
{
	bool reject = is_left_out(e, task);

	if (reject)
		__sync_fetch_and_add(&filtered, 1);
	return reject;
}

#endif
