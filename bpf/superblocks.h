/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every procfs superblock of the node, found without touching a path of any
 * container: the agent gives a descriptor of its own /proc, whose file system
 * type heads the kernel's list of all its superblocks (sget_fc(), fs/super.c).
 * Run by BPF_PROG_TEST_RUN, which raw tracepoint programs have since 5.10.
 */
#ifndef KEYHOLE_SUPERBLOCKS_H
#define KEYHOLE_SUPERBLOCKS_H

#include "fd.h"
#include "superblock.h"
#include <bpf/bpf_tracing.h>

#define CHUNK 256

struct chunk {
	__u32 count;
	/* enum: the list went on, ended, or changed under the reader */
	__u32 state;
	__u64 next;
	struct kh_superblock superblocks[CHUNK];
};

enum chunk_state {
	CHUNK_END = 0,
	CHUNK_MORE = 1,
	CHUNK_TORN = 2,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct chunk);
} chunks SEC(".maps");

/* One superblock to the chunk. See add_string(). */
__attribute__((noinline)) int add_to_chunk(__u64 index, __u64 address)
{
	__u32 zero = 0;
	struct chunk *chunk = bpf_map_lookup_elem(&chunks, &zero);

	if (!chunk)
		return 0;
	barrier_var(index);
	fill_superblock(&chunk->superblocks[index & (CHUNK - 1)], (struct super_block *)address);
	return 0;
}

/* The superblock behind an entry of the list; NULL where it was unhashed or freed meanwhile: then it is no procfs now. */
static __always_inline struct super_block *procfs_behind(struct hlist_node *node, struct file_system_type *type)
{
	struct super_block *sb = (void *)node - bpf_core_field_offset(struct super_block, s_instances);

	if (BPF_CORE_READ(sb, s_type) != type || BPF_CORE_READ(sb, s_magic) != PROC_SUPER_MAGIC)
		return 0;
	return sb;
}

/* args: a descriptor of a procfs file, and `next` of the chunk before or 0 */
SEC("raw_tp/keyhole_procfs_superblocks")
int procfs_superblocks(struct bpf_raw_tracepoint_args *ctx)
{
	struct file *file = file_of((struct task_struct *)bpf_get_current_task(), ctx->args[0]);
	struct file_system_type *type = BPF_CORE_READ(file, f_inode, i_sb, s_type);
	struct hlist_node *node = (void *)ctx->args[1];
	__u32 zero = 0;
	struct chunk *chunk = bpf_map_lookup_elem(&chunks, &zero);

	if (!chunk)
		return 0;
	chunk->count = 0;
	chunk->state = CHUNK_END;
	if (!node)
		node = BPF_CORE_READ(type, fs_supers.first);
	for (__u32 i = 0; i < CHUNK; i++) {
		struct super_block *sb;

		if (!node)
			return 0;
		sb = procfs_behind(node, type);
		if (!sb) {
			chunk->state = CHUNK_TORN;
			return 0;
		}
		add_to_chunk(i, (__u64)sb);
		chunk->count = i + 1;
		node = BPF_CORE_READ(node, next);
	}
	chunk->next = (__u64)node;
	chunk->state = node ? CHUNK_MORE : CHUNK_END;
	return 0;
}

#endif
