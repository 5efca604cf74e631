/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Buffers for programs of trampolines, of which several can be under way on one CPU: one can be preempted in the middle,
 * and another one, or before 5.12 the same, run for another task. None moves to another CPU meanwhile.
 *
 * Whoever adds to `holders` and then finds it 1 holds the buffer: as long as it has not given it up, everyone else on
 * the CPU finds 2 or more. Both may find 2 and look further; no two can find 1. (Without the result of the addition,
 * which needs -mcpu=v3 and Linux 5.12.)
 */
#ifndef KEYHOLE_CLAIM_H
#define KEYHOLE_CLAIM_H

#include "lost.h"

struct claim {
	__u32 holders;
	__u32 tid;
};

struct claims {
	struct claim call[CALL_BUFFERS];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct claims);
} claims SEC(".maps");

static __always_inline struct claims *these_claims(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&claims, &zero);
}

/* The claim of the current task on this CPU. Without a branch, of which the verifier would follow both sides each time. */
static __always_inline __u32 this_slot(struct claims *all)
{
	__u32 tid = bpf_get_current_pid_tgid();
	__u32 slot = 0;

	for (__u32 i = 1; i < CALL_BUFFERS; i++) {
		__u32 differs = all->call[i].tid ^ tid;

		/* its top bit is set unless it is 0 */
		differs |= -differs;
		barrier_var(differs);
		slot += i * (1 - (differs >> 31));
	}
	return slot & (CALL_BUFFERS - 1);
}

/* The buffer that the current task holds. */
static __always_inline struct buffer *this_buffer(void)
{
	struct claims *all = these_claims();
	__u32 slot;

	if (!all)
		return 0;
	slot = this_slot(all);
	return bpf_map_lookup_elem(&buffers, &slot);
}

/* Claims a buffer for the current task; CALL_BUFFERS, and counted, where all are taken. See add_string(). */
__attribute__((noinline)) __u32 claim_slot(void)
{
	struct claims *all = these_claims();

	if (!all)
		return CALL_BUFFERS;
	for (__u32 slot = 0; slot < CALL_BUFFERS; slot++) {
		struct claim *claim = &all->call[slot];

		__sync_fetch_and_add(&claim->holders, 1);
		if (*(volatile __u32 *)&claim->holders == 1) {
			claim->tid = bpf_get_current_pid_tgid();
			return slot;
		}
		__sync_fetch_and_add(&claim->holders, -1);
	}
	count_lost(KH_LOST_BUFFER);
	return CALL_BUFFERS;
}

/* A buffer for the current task until release_buffer(), NULL where there is none. */
static __always_inline struct buffer *claim_buffer(void)
{
	__u32 slot = claim_slot();

	if (slot >= CALL_BUFFERS)
		return 0;
	return bpf_map_lookup_elem(&buffers, &slot);
}

static __always_inline void release_buffer(void)
{
	struct claims *all = these_claims();
	struct claim *claim;

	if (!all)
		return;
	claim = &all->call[this_slot(all)];
	claim->tid = 0;
	__sync_fetch_and_add(&claim->holders, -1);
}

#endif
