/* SPDX-License-Identifier: GPL-2.0-only */
/* A file that a call has opened, as the kernel has it. */
#ifndef KEYHOLE_OPENED_H
#define KEYHOLE_OPENED_H

#include "path.h"
#include "superblock.h"
#include "task.h"

/* The process whose directory of procfs an inode is in; NULL for what is of none, and below /proc/PID/net. */
static __always_inline struct pid *pid_of_inode(__u64 inode)
{
	return PEEK(struct proc_inode, inode - bpf_core_field_offset(struct proc_inode, vfs_inode), pid);
}

static __always_inline struct task_struct *task_of_pid(struct pid *pid)
{
	struct hlist_node *first = BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first);

	return first ? (void *)first - bpf_core_field_offset(struct task_struct, pid_links) : 0;
}

/* The process that a file of procfs is of: its own inode says so, or below /proc/PID/net that of the directory PID. */
static __always_inline struct pid *pid_of_file(struct dentry *dentry)
{
	struct pid *pid = pid_of_inode((__u64)BPF_CORE_READ(dentry, d_inode));

	for (int i = 0; i < 3 && !pid; i++) {
		dentry = BPF_CORE_READ(dentry, d_parent);
		pid = pid_of_inode((__u64)BPF_CORE_READ(dentry, d_inode));
	}
	return pid;
}

/* struct kh_opened of the file that the call has opened, and its path. See add_string(). */
__attribute__((noinline)) __u64 add_opened(__u64 at)
{
	struct buffer *b = this_buffer();
	struct kh_opened *out;
	struct dentry *dentry;
	struct super_block *sb;
	struct inode *inode;
	struct file *file;
	__u64 start = at;

	if (!b)
		return at;
	out = add_struct(b, &start, KH_FIELD_OPENED, sizeof(*out));
	if (!out)
		return at;
	file = (struct file *)b->opened;
	dentry = BPF_CORE_READ(file, f_path.dentry);
	inode = BPF_CORE_READ(file, f_inode);
	sb = BPF_CORE_READ(inode, i_sb);
	out->inode = BPF_CORE_READ(inode, i_ino);
	out->dev = BPF_CORE_READ(sb, s_dev);
	out->mode = BPF_CORE_READ(file, f_mode);
	out->why = b->why;
	bpf_probe_read_kernel_str(out->fs_type, sizeof(out->fs_type), BPF_CORE_READ(sb, s_type, name));
	if (BPF_CORE_READ(sb, s_magic) == PROC_SUPER_MAGIC) {
		struct pid *pid = pid_of_file(dentry);
		struct task_struct *task = pid ? task_of_pid(pid) : 0;

		if (task) {
			out->pid = BPF_CORE_READ(task, tgid);
			out->start = BPF_CORE_READ(task, group_leader, start_boottime);
		}
	}
	return add_call_path(start, KH_FIELD_OPENED_PATH, 0, (__u64)dentry, 0);
}

#endif
