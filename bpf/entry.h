/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls that have been entered and have not returned yet. */
#ifndef KEYHOLE_ENTRY_H
#define KEYHOLE_ENTRY_H

#include "event.h"
#include "read.h"

struct entry {
	__u64 time;		/* CLOCK_BOOTTIME; 0 once the call has returned */
	__u32 op;
	__u32 reserved;
};

/* By tid. What is not written over is the least recently used when another task needs the room. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct entry);
} entries SEC(".maps");

/* Not 0: the agent is about to end, nothing is recorded any more. */
__u32 stopped SEC(".data.stop");

static __always_inline int call_entered(__u32 op)
{
	struct entry now = { .time = bpf_ktime_get_boot_ns(), .op = op };
	__u32 tid = bpf_get_current_pid_tgid();
	struct entry *entry = bpf_map_lookup_elem(&entries, &tid);

	if (entry)
		*entry = now;
	else
		bpf_map_update_elem(&entries, &tid, &now, BPF_ANY);
	return 0;
}

/* When the call that returns was entered, 0 where that was not seen. */
static __always_inline __u64 entry_time(void)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct entry *entry = bpf_map_lookup_elem(&entries, &tid);
	__u64 time;

	if (!entry)
		return 0;
	time = entry->time;
	entry->time = 0;
	return time;
}

#endif
