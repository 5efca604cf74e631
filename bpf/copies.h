/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the kernel itself holds of the strings of a call, once it has copied them and looked up the paths: another thread
 * can rewrite user memory during a call, but not this. It goes to user space ahead of the record of the call.
 *
 * The functions are those that call the LSM hooks; they run whichever LSMs there are.
 */
#ifndef KEYHOLE_COPIES_H
#define KEYHOLE_COPIES_H

#include "entry.h"
#include "filter.h"
#include "limits.h"
#include "mount.h"
#include "record.h"
#include <bpf/bpf_tracing.h>

/* A NUL-ended string of kernel memory; see add_string(). */
__attribute__((noinline)) __u64 add_kernel_string(__u64 at, __u64 id, __u64 from, __u64 max)
{
	struct buffer *b = this_buffer();
	struct kh_field *field;
	long length;

	if (!b || !from)
		return at;
	barrier_var(at);
	if (at > FIELD_LIMIT)
		return at;
	field = field_at(b, at);
	barrier_var(max);
	if (max > PATH_MAX)
		return at;
	length = bpf_probe_read_kernel_str(field + 1, max, (void *)from);
	if (length < 0)
		return field_end(field, at, id, KH_FAULT, 0);
	if (length == 0)
		length = 1;
	length &= 0x1fff;
	return field_end(field, at, id, KH_OK, length - 1);
}

/* `size` bytes of kernel memory, of which at most PATH_MAX are taken; see add_string(). */
__attribute__((noinline)) __u64 add_kernel_bytes(__u64 at, __u64 id, __u64 from, __u64 size)
{
	__u64 length = size > PATH_MAX ? PATH_MAX : size, taken = length;
	struct buffer *b = this_buffer();
	struct kh_field *field;

	if (!b || !from)
		return at;
	barrier_var(at);
	if (at > FIELD_LIMIT)
		return at;
	field = field_at(b, at);
	barrier_var(length);
	if (length > PATH_MAX)
		return at;
	if (bpf_probe_read_kernel(field + 1, length, (void *)from))
		return field_end(field, at, id, KH_FAULT, 0);
	return field_end(field, at, id, size > PATH_MAX ? KH_CUT : KH_OK, taken);
}

static __always_inline __u64 add_copied_path(__u64 at, __u64 id, struct path *path)
{
	return add_call_path(at, id, (__u64)mount_of(BPF_CORE_READ(path, mnt)), (__u64)BPF_CORE_READ(path, dentry), 1);
}

/* The call of the list that the current task is in, if its workload may be told more than once of it. */
static __always_inline struct buffer *begin_copy(__u32 op, __u32 other)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct entry *entry = bpf_map_lookup_elem(&entries, &tid);
	struct task_struct *task = CURRENT();
	struct buffer *b;

	if (!entry || !entry->time || (entry->op != op && entry->op != other) || stopped)
		return 0;
	if (agent_tgid && (bpf_get_current_pid_tgid() >> 32) == agent_tgid)
		return 0;
	b = claim_buffer();
	if (!b)
		return 0;
	fill_event(&b->event, task, KH_COPY, 0);
	if (is_left_out(&b->event, task) || is_beyond_rate(task, b->event.time)) {
		release_buffer();
		return 0;
	}
	b->event.op = entry->op;
	b->event.args[0] = entry->time;
	return b;
}

static __always_inline int end_copy(struct buffer *b, __u64 at)
{
	submit(&b->event, at);
	release_buffer();
	return 0;
}

SEC("fentry/security_sb_mount")
int BPF_PROG(copy_mount, const char *source, struct path *path, const char *type, unsigned long flags, void *data)
{
	struct buffer *b = begin_copy(KH_OP_MOUNT, KH_OP_MOUNT);
	__u64 at = sizeof(b->event);

	if (!b)
		return 0;
	at = add_kernel_string(at, 0, (__u64)source, PATH_MAX);
	at = add_kernel_string(at, 2, (__u64)type, PATH_MAX);
	at = add_kernel_string(at, 4, (__u64)data, PATH_MAX);
	at = add_copied_path(at, KH_FIELD_PATH, path);
	return end_copy(b, at);
}

/* Of fsconfig(2) alone: mount(2) comes here with each option. */
SEC("fentry/vfs_parse_fs_param")
int BPF_PROG(copy_parameter, struct fs_context *fc, struct fs_parameter *parameter)
{
	struct buffer *b = begin_copy(KH_OP_FSCONFIG, KH_OP_FSCONFIG);
	__u64 at = sizeof(b->event);

	if (!b)
		return 0;
	at = add_kernel_string(at, 2, (__u64)BPF_CORE_READ(parameter, key), NAME_MAX_USER);
	switch (BPF_CORE_READ_BITFIELD_PROBED(parameter, type)) {
	case fs_value_is_string:
		at = add_kernel_string(at, 3, (__u64)BPF_CORE_READ(parameter, string), NAME_MAX_USER);
		break;
	case fs_value_is_blob:
		at = add_kernel_bytes(at, 3, (__u64)BPF_CORE_READ(parameter, blob), BPF_CORE_READ(parameter, size));
		break;
	case fs_value_is_filename:
		at = add_kernel_string(at, 3, (__u64)BPF_CORE_READ(parameter, name, name), PATH_MAX);
		break;
	}
	return end_copy(b, at);
}

SEC("fentry/security_move_mount")
int BPF_PROG(copy_move, struct path *from, struct path *to)
{
	struct buffer *b = begin_copy(KH_OP_MOVE_MOUNT, KH_OP_MOVE_MOUNT);
	__u64 at = sizeof(b->event);

	if (!b)
		return 0;
	at = add_copied_path(at, KH_FIELD_PATH, from);
	at = add_copied_path(at, KH_FIELD_TO_PATH, to);
	return end_copy(b, at);
}

SEC("fentry/security_sb_umount")
int copy_umount(void *ctx)
{
	struct buffer *b = begin_copy(KH_OP_UMOUNT2, KH_OP_UMOUNT);
	__u64 at = sizeof(b->event);
	struct vfsmount *mount;

	if (!b)
		return 0;
	/* its first argument, as a number: a typed pointer is nothing to calculate with */
	bpf_probe_read_kernel(&mount, sizeof(mount), ctx);
	at = add_call_path(at, KH_FIELD_PATH, (__u64)mount_of(mount), (__u64)BPF_CORE_READ(mount, mnt_root), 1);
	return end_copy(b, at);
}

SEC("fentry/security_sb_pivotroot")
int BPF_PROG(copy_pivot, struct path *put_old, struct path *new_root)
{
	struct buffer *b = begin_copy(KH_OP_PIVOT_ROOT, KH_OP_PIVOT_ROOT);
	__u64 at = sizeof(b->event);

	if (!b)
		return 0;
	at = add_copied_path(at, KH_FIELD_PATH, new_root);
	at = add_copied_path(at, KH_FIELD_TO_PATH, put_old);
	return end_copy(b, at);
}

SEC("fentry/security_path_chroot")
int BPF_PROG(copy_chroot, struct path *path)
{
	struct buffer *b = begin_copy(KH_OP_CHROOT, KH_OP_CHROOT);
	__u64 at = sizeof(b->event);

	if (!b)
		return 0;
	at = add_copied_path(at, KH_FIELD_PATH, path);
	return end_copy(b, at);
}

#endif
