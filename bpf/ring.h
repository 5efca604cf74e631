/* SPDX-License-Identifier: GPL-2.0-only */
/* The way to user space, and the count of what did not fit. */
#ifndef KEYHOLE_RING_H
#define KEYHOLE_RING_H

#include "field.h"
#include "lost.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
} ring SEC(".maps");

/*
 * Flags 0: the kernel wakes the reader only when it had read everything. The
 * reader decides how often that is by when it goes back to wait.
 */
static __always_inline void submit(struct kh_event *e, __u64 size)
{
	/* compared and passed in one register, which is all that the verifier knows */
	barrier_var(size);
	if (size > BUFFER_SIZE) {
		count_lost(KH_LOST_RECORD);
		return;
	}
	e->length = size;
	if (bpf_ringbuf_output(&ring, e, size, 0))
		count_lost(e->kind);
}

#endif
