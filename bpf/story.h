/* SPDX-License-Identifier: GPL-2.0-only */
/* The open files that mounts are made with, told apart from those that had their address before them. */
#ifndef KEYHOLE_STORY_H
#define KEYHOLE_STORY_H

#include "fd.h"
#include "file.h"

struct made {
	__u64 object;
	__u64 time;
};

/* By struct file: what it stands for, and when a call made it. The oldest gives way: its story then has two parts. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct made);
} made_files SEC(".maps");

/* struct kh_file of a descriptor of the current task. `id` KH_FIELD_MADE: the call has just made it. See add_string(). */
__attribute__((noinline)) __u64 add_story_file(__u64 at, __u64 id, __s32 fd)
{
	struct file *file = file_of((struct task_struct *)bpf_get_current_task(), fd);
	struct buffer *b = this_buffer();
	struct kh_file *out;
	struct made *made, now = {};
	__u64 start = at;
	__u64 key = (__u64)file;

	if (!b || !file)
		return at;
	out = add_struct(b, &start, id, sizeof(*out));
	if (!out)
		return at;
	out->file = key;
	if (BPF_CORE_READ(file, f_inode, i_sb, s_magic) == ANON_INODE_MAGIC)
		out->object = (__u64)BPF_CORE_READ(file, private_data);
	else
		out->object = (__u64)BPF_CORE_READ(file, f_path.mnt);
	if (id == KH_FIELD_MADE) {
		now.object = out->object;
		now.time = b->event.time;
		out->made = now.time;
		bpf_map_update_elem(&made_files, &key, &now, BPF_ANY);
		return start;
	}
	made = bpf_map_lookup_elem(&made_files, &key);
	if (made && made->object == out->object)
		out->made = made->time;
	return start;
}

#endif
