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

/* Where add_path() has come to. */
struct walk {
	struct mount *mount;
	struct dentry *dentry;
	struct path root;
	__u64 at;
};

struct buffer {
	/* with the head behind it a struct kh_summary */
	__u64 count;
	__u64 last;
	union {
		struct kh_event event;
		__u8 bytes[BUFFER_SIZE];
	};
	struct walk walk;
	struct pt_regs *regs;	/* of the call, for functions that are handed numbers only */
	/* of a call that opened a file: the struct file, and why it is told (enum kh_opened_why) */
	__u64 opened;
	__u32 why;
	/* the workload that was last beyond its rate here, and when its next call is due: see is_known_beyond_rate() */
	__u64 limited;
	__u64 due;
};

/*
 * Whose record is in a buffer of the CPU. A program can be preempted and another one run on the same CPU: tracepoints
 * allow it since 7.0, trampolines always did. The same program never runs twice on a CPU (recursion guard, since 5.12;
 * before, a tracepoint's program is not preempted), so each tracepoint has one of its own. Calls have several where
 * each has a program: claim.h.
 */
#ifdef KEYHOLE_TRAMPOLINES
#define CALL_BUFFERS 4
#else
#define CALL_BUFFERS 1
#endif

enum buffer_slot {
	SLOT_CALL = 0,
	SLOT_FORK = CALL_BUFFERS,
	SLOT_EXEC,
	SLOTS,
	SLOT_INVENTORY,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, struct buffer);
} buffers SEC(".maps");

/* An iterator runs with preemption on and may move to another CPU. One reader at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct buffer);
} inventory_buffer SEC(".maps");

#ifdef KEYHOLE_TRAMPOLINES
#include "claim.h"
#else
/* Of the call that returns on this CPU. */
static __always_inline struct buffer *this_buffer(void)
{
	__u32 slot = SLOT_CALL;

	return bpf_map_lookup_elem(&buffers, &slot);
}

static __always_inline struct buffer *claim_buffer(void)
{
	return this_buffer();
}

static __always_inline void release_buffer(void)
{
}
#endif

static __always_inline struct buffer *buffer_at(__u32 slot)
{
	__u32 zero = 0;

	if (slot == SLOT_CALL)
		return this_buffer();
	if (slot == SLOT_INVENTORY)
		return bpf_map_lookup_elem(&inventory_buffer, &zero);
	return bpf_map_lookup_elem(&buffers, &slot);
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
