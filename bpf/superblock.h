/* SPDX-License-Identifier: GPL-2.0-only */
/* A superblock as the kernel itself has it; of procfs also whose pids it shows, and its options. */
#ifndef KEYHOLE_SUPERBLOCK_H
#define KEYHOLE_SUPERBLOCK_H

#include "field.h"

static __always_inline void fill_superblock(struct kh_superblock *out, struct super_block *sb)
{
	struct proc_fs_info *info;

	out->magic = BPF_CORE_READ(sb, s_magic);
	out->dev = BPF_CORE_READ(sb, s_dev);
	out->user_ns = BPF_CORE_READ(sb, s_user_ns, ns.inum);
	bpf_probe_read_kernel_str(out->fs_type, sizeof(out->fs_type), BPF_CORE_READ(sb, s_type, name));
	if (out->magic != PROC_SUPER_MAGIC)
		return;
	info = BPF_CORE_READ(sb, s_fs_info);
	out->pid_ns = BPF_CORE_READ(info, pid_ns, ns.inum);
	out->pid_level = BPF_CORE_READ(info, pid_ns, level);
	out->hidepid = BPF_CORE_READ(info, hide_pid);
	out->gid = BPF_CORE_READ(info, pid_gid.val);
	out->pidonly = BPF_CORE_READ(info, pidonly);
}

static __always_inline __u64 add_superblock(struct buffer *b, __u64 at, struct super_block *sb)
{
	struct kh_superblock *out = add_struct(b, &at, KH_FIELD_SUPERBLOCK, sizeof(*out));

	if (out)
		fill_superblock(out, sb);
	return at;
}

#endif
