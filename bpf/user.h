/* SPDX-License-Identifier: GPL-2.0-only */
/* User memory of the current task, as fields of the record in the buffer of this CPU. */
#ifndef KEYHOLE_USER_H
#define KEYHOLE_USER_H

#include "field.h"

/* fs type names, fsconfig keys and string values: strndup_user(…, 256) in fs/fsopen.c */
#define NAME_MAX_USER 256

/*
 * A NUL-ended string of user memory, added to the record in the buffer of this CPU; `max` is what the kernel takes
 * at most, NUL included. Returns where the next field goes. A global function: the verifier looks at it once, and
 * not again at each of its many calls (since 5.6).
 */
__attribute__((noinline)) __u64 add_string(__u64 at, __u64 id, __u64 from, __u64 max)
{
	struct buffer *b = this_buffer();
	struct kh_field *field;
	__u64 room = max + 1;
	long length;

	if (!b || at > FIELD_LIMIT || !from)
		return at;
	field = field_at(b, at);
	barrier_var(room);
	if (room > PATH_MAX + 1)
		return at;
	length = bpf_probe_read_user_str(field + 1, room, (void *)from);
	if (length < 0)
		return field_end(field, at, id, KH_FAULT, 0);
	/* for an empty string, before strncpy_from_user_nofault() counted its NUL too (seen until 6.12) */
	if (length == 0)
		length = 1;
	length &= 0x1fff;
	/* the NUL is not sent */
	return field_end(field, at, id, length > max ? KH_CUT : KH_OK, length - 1);
}

/* `size` bytes of user memory, of which at most `max` are taken. Global for the same reason. */
__attribute__((noinline)) __u64 add_bytes(__u64 at, __u64 id, __u64 from, __u64 size, __u64 max)
{
	__u64 length = size > max ? max : size, taken = length;
	struct buffer *b = this_buffer();
	struct kh_field *field;

	if (!b || at > FIELD_LIMIT || !from)
		return at;
	field = field_at(b, at);
	barrier_var(length);
	if (length > PATH_MAX)
		return at;
	if (bpf_probe_read_user(field + 1, length, (void *)from))
		return field_end(field, at, id, KH_FAULT, 0);
	return field_end(field, at, id, size > max ? KH_CUT : KH_OK, taken);
}

#endif
