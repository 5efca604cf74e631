/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A system call that fails needs no privilege, and can be made a million times a second. What a workload may put into
 * the ring is limited, so that it cannot crowd out what others do: beyond its rate its failed calls are counted
 * exactly, by process and result, instead of being told one by one.
 */
#ifndef KEYHOLE_LIMITS_H
#define KEYHOLE_LIMITS_H

#include "ring.h"
#include "table.h"

/*
 * Opens take turns of their own, whether the ring has room or not: they succeed, so that whoever is allowed to read one
 * catalogued file could crowd out everything with it. Those for writing do not wait for those for reading.
 */
enum rate_class {
	RATE_CALLS = 0,
	RATE_OPENS = 1,
	RATE_OPENS_TO_WRITE = 2,
	RATE_OPENS_OF_FOREIGN = 3,
};

static __always_inline __u32 class_of_open(__u32 why, __u32 mode)
{
	if (why & KH_OPENED_RUNTIME || (why & KH_OPENED_ENTRY && mode & FMODE_WRITE))
		return RATE_OPENS_TO_WRITE;
	return why & KH_OPENED_ENTRY ? RATE_OPENS : RATE_OPENS_OF_FOREIGN;
}

struct workload {
	__u64 cgroups;	/* the struct css_set */
	__u64 class;	/* enum rate_class */
};

/*
 * When the next call of a workload is due if its calls are spread evenly: the generic cell rate algorithm. A workload is
 * the set of cgroups that a task is in, on all hierarchies: what the node's operator set apart, and one load to read. The
 * address may be used again by another set, which then begins where the old one stopped.
 */
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

/* Not 0: user space has more in its own queues than it can hand on, whatever room there is in the ring. */
__u32 behind SEC(".data.behind");

/* Calls that were counted and not told. */
__u64 summarised;

/* While the ring or a queue fills up, only who has used up next to nothing of what may be used at once gets in. */
static __always_inline __u64 burst_under(bool pressure)
{
	return pressure ? limit_burst / 16 : limit_burst;
}

/*
 * Was the workload beyond its rate when a call of it was last looked at on this CPU, and is it still? A call is never due
 * earlier than it was, so that nothing has to be looked up: who floods is to pay little for it.
 */
static __always_inline bool is_known_beyond_rate(struct buffer *b, struct task_struct *task, __u64 now)
{
	return b->limited == (__u64)HOT(task, cgroups) && b->due > now + limit_burst;
}

/*
 * Is the workload within its rate? Under pressure every call takes a turn, so that who floods stays out for as long as
 * it does, and the room that is left is for all others. Two processors may both take the last turn, so that a few more
 * records get in than the rate allows; none is counted wrong.
 */
static __always_inline bool is_within_rate(struct buffer *b, struct task_struct *task, __u32 class, __u64 now,
					   bool pressure)
{
	struct workload key = { .cgroups = (__u64)HOT(task, cgroups), .class = class };
	__u64 *due = bpf_map_lookup_elem(&workloads, &key);
	__u64 next = now;
	bool within;

	if (due && *due > next)
		next = *due;
	within = next <= now + burst_under(pressure);
	if (next > now + limit_burst) {
		if (class == RATE_CALLS) {
			b->limited = key.cgroups;
			b->due = next;
		}
		return 0;
	}
	if (!(within || pressure))
		return 0;
	next += limit_interval;
	if (due)
		*due = next;
	else
		bpf_map_update_elem(&workloads, &key, &next, BPF_ANY);
	return within;
}

static __always_inline bool is_under_pressure(void)
{
	return behind || bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA) > limit_pressure;
}

/* Would is_within_rate() say no? Takes no turn. */
static __always_inline bool is_beyond_rate(struct task_struct *task, __u64 now)
{
	struct workload key = { .cgroups = (__u64)HOT(task, cgroups), .class = RATE_CALLS };
	__u64 *due;

	if (!limit_interval)
		return 0;
	due = bpf_map_lookup_elem(&workloads, &key);
	return due && *due > now + burst_under(is_under_pressure());
}

static __always_inline void fill_summary_key(struct kh_summary_key *key, struct kh_event *e)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->start = e->start;
	key->pid = e->pid;
	key->ret = e->ret;
	key->op = e->op;
	key->abi = e->abi;
}

/* Adds a call to the sum that it belongs to; false where there is none yet. */
static __always_inline bool add_to_summary(struct kh_summary_key *key, __u64 now)
{
	struct kh_summary *summary = bpf_map_lookup_elem(&summaries, key);

	if (!summary)
		return 0;
	__sync_fetch_and_add(&summary->count, 1);
	summary->last = now;
	__sync_fetch_and_add(&summarised, 1);
	return 1;
}

/* The first call of a sum: its head stands for all of them. See add_string(). */
__attribute__((noinline)) __u32 begin_summary(void)
{
	struct buffer *b = this_buffer();
	struct kh_summary_key key;

	if (!b)
		return 0;
	fill_summary_key(&key, &b->event);
	b->count = 0;
	b->last = b->event.time;
	/* another thread of the process may come first: then its head stands for both */
	bpf_map_update_elem(&summaries, &key, b, BPF_NOEXIST);
	if (!add_to_summary(&key, b->event.time))
		count_lost(KH_LOST_SUMMARY);
	return 0;
}

enum admission {
	ADMITTED,
	COUNTED,	/* in a sum, or as lost: nothing is left to do */
	TO_BE_COUNTED,	/* the first of its sum: it needs a head */
};

/*
 * What becomes of the record of a call, decided before more of it is known than a sum needs: op, abi and ret. A filter
 * has to see the whole head first. See add_string().
 */
__attribute__((noinline)) __u32 admit(void)
{
	struct task_struct *task = CURRENT();
	struct buffer *b = this_buffer();
	struct kh_summary_key key;
	__u32 class = RATE_CALLS;
	bool failed, pressure;
	struct kh_event *e;
	__u64 now;

	if (!limit_interval || !b)
		return ADMITTED;
	e = &b->event;
	failed = e->ret < 0;
	pressure = is_under_pressure();
	if (is_open(e->op)) {
		struct file *file = (struct file *)b->opened;

		class = class_of_open(b->why, BPF_CORE_READ(file, f_mode));
	} else if (!failed && !pressure) {
		return ADMITTED;
	}
	now = bpf_ktime_get_boot_ns();
	if (!(class == RATE_CALLS && is_known_beyond_rate(b, task, now)) && is_within_rate(b, task, class, now, pressure))
		return ADMITTED;
	if (!failed) {
		count_lost(class ? KH_LOST_OPEN : KH_LOST_WORKLOAD);
		return COUNTED;
	}
	e->start = HOT(task, group_leader, start_boottime);
	e->pid = HOT(task, tgid);
	fill_summary_key(&key, e);
	return add_to_summary(&key, now) ? COUNTED : TO_BE_COUNTED;
}

#endif
