/* SPDX-License-Identifier: GPL-2.0-only */
/* The variable part of a record: strings and structs, appended in a buffer of the CPU. */
#ifndef KEYHOLE_FIELD_H
#define KEYHOLE_FIELD_H

#include "event.h"
#include "read.h"

#define PATH_MAX 4096
/*
 * The longest record: mount(2) with four strings of PATH_MAX, three paths and the new mount.
 * An element of a per-CPU map is at most 32 KiB (PCPU_MIN_UNIT_SIZE).
 */
#define BUFFER_SIZE (30 * 1024)
/* a field may start as long as its head and PATH_MAX + 1 bytes still fit */
#define FIELD_LIMIT (BUFFER_SIZE - 8 - PATH_MAX - 8)

struct buffer {
	/* with the head behind it a struct kh_summary */
	__u64 count;
	__u64 last;
	union {
		struct kh_event event;
		__u8 bytes[BUFFER_SIZE];
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct buffer);
} buffers SEC(".maps");

/* Of the call that returns on this CPU. */
static __always_inline struct buffer *this_buffer(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&buffers, &zero);
}

/*
 * Where a field is written, once `at` is known to leave room for it. Verifiers before 6.8 forget what they knew about
 * a number that was spilled, but not about a pointer: it is made once, and written through.
 */
static __always_inline struct kh_field *field_at(struct buffer *b, __u64 at)
{
	return (struct kh_field *)(b->bytes + at);
}

/* Completes a field; returns where the next one goes. */
static __always_inline __u64 field_end(struct kh_field *field, __u64 at, __u8 id, __u8 status, __u32 length)
{
	field->id = id;
	field->status = status;
	field->length = length;
	field->reserved = 0;
	return at + sizeof(*field) + ((length + 7) & ~7u);
}

/* Room for a struct that the caller fills; NULL when the record is full. */
static __always_inline void *add_struct(struct buffer *b, __u64 *at, __u8 id, __u32 size)
{
	__u64 start = *at;
	struct kh_field *field;

	/* compared and added in one register: see submit() */
	barrier_var(start);
	if (start > FIELD_LIMIT)
		return 0;
	field = field_at(b, start);
	*at = field_end(field, start, id, KH_OK, size);
	__builtin_memset(field + 1, 0, size);
	return field + 1;
}

#endif
