/* SPDX-License-Identifier: GPL-2.0-only */
/* What a file descriptor of the current task refers to. */
#ifndef KEYHOLE_FILE_H
#define KEYHOLE_FILE_H

#include "fd.h"
#include "superblock.h"
#include "task.h"

/* The kind is told by the name: anonymous inodes share one inode and the f_op has no symbol here. */
static __always_inline bool is_named(struct file *file, const char *name, __u32 size)
{
	char found[16] = {};

	bpf_probe_read_kernel_str(found, sizeof(found), BPF_CORE_READ(file, f_path.dentry, d_name.name));
	for (__u32 i = 0; i < size; i++)
		if (found[i] != name[i])
			return 0;
	return 1;
}

static __always_inline __u64 add_nsfs(struct buffer *b, __u64 at, __u8 id, struct file *file)
{
	struct ns_common *ns = BPF_CORE_READ(file, f_inode, i_private);
	struct kh_nsfs *out = add_struct(b, &at, id, sizeof(*out));

	if (!out)
		return at;
	out->inum = BPF_CORE_READ(ns, inum);
	if (bpf_core_field_exists(ns->ns_type))
		out->type = BPF_CORE_READ(ns, ns_type);
	else if (bpf_core_field_exists(((struct proc_ns_operations *)0)->type))
		out->type = BPF_CORE_READ(ns, ops, type);
	if (bpf_core_field_exists(ns->ns_id))
		out->id = BPF_CORE_READ(ns, ns_id);
	return at;
}

static __always_inline __u64 add_pidfd(struct buffer *b, __u64 at, struct pid *pid)
{
	struct kh_pidfd *out = add_struct(b, &at, KH_FIELD_PIDFD, sizeof(*out));
	struct hlist_node *first = BPF_CORE_READ(pid, tasks[PIDTYPE_PID].first);
	struct task_struct *task;
	struct upid upid = {};
	struct nsproxy *nsproxy;

	if (!out)
		return at;
	/* numbers[0] is the pid in the initial namespace */
	bpf_probe_read_kernel(&upid, sizeof(upid), (void *)pid + bpf_core_field_offset(struct pid, numbers));
	out->tid = upid.nr;
	if (!first)	/* reaped: no task is left */
		return at;
	task = (void *)first - bpf_core_field_offset(struct task_struct, pid_links);
	out->pid = BPF_CORE_READ(task, tgid);
	out->start = BPF_CORE_READ(task, group_leader, start_boottime);
	bpf_core_read(out->comm, sizeof(out->comm), &task->comm);
	out->ns[KH_NS_USER] = BPF_CORE_READ(task, real_cred, user_ns, ns.inum);
	bpf_probe_read_kernel(&upid, sizeof(upid),
			      (void *)pid + bpf_core_field_offset(struct pid, numbers) +
				      (BPF_CORE_READ(pid, level) & 31) * bpf_core_type_size(struct upid));
	out->ns[KH_NS_PID] = BPF_CORE_READ(upid.ns, ns.inum);
	nsproxy = BPF_CORE_READ(task, nsproxy);
	if (!nsproxy)
		return at;
	out->ns[KH_NS_MNT] = BPF_CORE_READ(nsproxy, mnt_ns, ns.inum);
	out->ns[KH_NS_UTS] = BPF_CORE_READ(nsproxy, uts_ns, ns.inum);
	out->ns[KH_NS_IPC] = BPF_CORE_READ(nsproxy, ipc_ns, ns.inum);
	out->ns[KH_NS_NET] = BPF_CORE_READ(nsproxy, net_ns, ns.inum);
	out->ns[KH_NS_CGROUP] = BPF_CORE_READ(nsproxy, cgroup_ns, ns.inum);
	out->ns[KH_NS_TIME] = BPF_CORE_READ(nsproxy, time_ns, ns.inum);
	out->ns[KH_NS_PID_FOR_CHILDREN] = BPF_CORE_READ(nsproxy, pid_ns_for_children, ns.inum);
	out->ns[KH_NS_TIME_FOR_CHILDREN] = BPF_CORE_READ(nsproxy, time_ns_for_children, ns.inum);
	return at;
}

static __always_inline __u64 add_fscontext(struct buffer *b, __u64 at, struct fs_context *fc)
{
	struct kh_fscontext *out = add_struct(b, &at, KH_FIELD_FSCONTEXT, sizeof(*out));
	struct dentry *root = BPF_CORE_READ(fc, root);

	if (!out)
		return at;
	out->purpose = BPF_CORE_READ_BITFIELD_PROBED(fc, purpose);
	out->phase = BPF_CORE_READ_BITFIELD_PROBED(fc, phase);
	out->user_ns = BPF_CORE_READ(fc, user_ns, ns.inum);
	bpf_probe_read_kernel_str(out->fs_type, sizeof(out->fs_type), BPF_CORE_READ(fc, fs_type, name));
	/* set by FSCONFIG_CMD_CREATE, and from the start by fspick(2) */
	if (root)
		at = add_superblock(b, at, BPF_CORE_READ(root, d_sb));
	return at;
}

/* What descriptor `fd` of the current task is, added to the record in the buffer of this CPU. See add_string(). */
__attribute__((noinline)) __u64 add_file(__u64 at, __s32 fd)
{
	struct file *file = file_of((struct task_struct *)bpf_get_current_task(), fd);
	struct buffer *b = this_buffer();
	struct super_block *sb;
	__u64 magic;

	if (!b || !file)
		return at;
	sb = BPF_CORE_READ(file, f_inode, i_sb);
	magic = BPF_CORE_READ(sb, s_magic);
	if (magic == NSFS_MAGIC)
		return add_nsfs(b, at, KH_FIELD_NSFS, file);
	if (magic == PIDFS_MAGIC)	/* since 6.9 */
		return add_pidfd(b, at, BPF_CORE_READ(file, f_inode, i_private));
	if (magic == ANON_INODE_MAGIC) {
		if (is_named(file, "[pidfd]", 8))
			return add_pidfd(b, at, BPF_CORE_READ(file, private_data));
		if (is_named(file, "[fscontext]", 12))
			return add_fscontext(b, at, BPF_CORE_READ(file, private_data));
	}
	/* O_PATH descriptors of fsmount(2) and open_tree(2) are files of the mounted file system */
	return add_superblock(b, at, sb);
}

static __always_inline bool is_nsfs(struct task_struct *task, __s32 fd)
{
	struct file *file = file_of(task, fd);

	return file && BPF_CORE_READ(file, f_inode, i_sb, s_magic) == NSFS_MAGIC;
}

/* The namespace behind a descriptor that is the value of an option. See add_string(). */
__attribute__((noinline)) __u64 add_value(__u64 at, __s32 fd)
{
	struct file *file = file_of((struct task_struct *)bpf_get_current_task(), fd);
	struct buffer *b = this_buffer();

	if (!b || !file || BPF_CORE_READ(file, f_inode, i_sb, s_magic) != NSFS_MAGIC)
		return at;
	return add_nsfs(b, at, KH_FIELD_VALUE, file);
}

/* include/uapi/linux/mount.h */
struct mount_attr {
	__u64 attr_set;
	__u64 attr_clr;
	__u64 propagation;
	__u64 userns_fd;
};
#define MOUNT_ATTR_IDMAP 0x100000

/* The user namespace that the struct mount_attr in the field at `attr` gives to an idmapped mount. */
__attribute__((noinline)) __u64 add_attr_value(__u64 at, __u64 attr)
{
	struct buffer *b = this_buffer();
	struct mount_attr *values;
	struct kh_field *field;

	if (!b || attr == at)
		return at;
	barrier_var(attr);
	if (attr > FIELD_LIMIT)
		return at;
	field = field_at(b, attr);
	values = (struct mount_attr *)(field + 1);
	if (field->length < sizeof(*values) || !(values->attr_set & MOUNT_ATTR_IDMAP))
		return at;
	return add_value(at, values->userns_fd);
}

#endif
