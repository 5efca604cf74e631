/* SPDX-License-Identifier: GPL-2.0-only */
/* A mount as the kernel itself has it once the call is over: what it shows, where, and with which options. */
#ifndef KEYHOLE_MOUNT_H
#define KEYHOLE_MOUNT_H

#include "fd.h"
#include "path.h"
#include "superblock.h"
#include "vfsmount.h"

static __always_inline void fill_mount(struct kh_mount *out, struct mount *mount)
{
	struct mnt_namespace *ns = BPF_CORE_READ(mount, mnt_ns);

	out->object = (__u64)mount + bpf_core_field_offset(struct mount, mnt);
	if (bpf_core_field_exists(mount->mnt_id_unique))
		out->id = BPF_CORE_READ(mount, mnt_id_unique);
	out->old_id = BPF_CORE_READ(mount, mnt_id);
	out->flags = BPF_CORE_READ(mount, mnt.mnt_flags);
	out->sb_flags = BPF_CORE_READ(mount, mnt.mnt_sb, s_flags);
	/* a detached mount is in an anonymous namespace, which has no id; one that was taken away is in none */
	out->ns_id = mount_ns_id(ns);
	if (!ns || !out->ns_id)
		return;
	out->parent = BPF_CORE_READ(mount, mnt_parent, mnt_id);
	out->ns = BPF_CORE_READ(ns, ns.inum);
	if (bpf_core_field_exists(ns->nr_mounts))
		out->mounts = BPF_CORE_READ(ns, nr_mounts);
	else if (bpf_core_field_exists(((struct mnt_namespace___v6_7 *)ns)->list))
		out->mounts = BPF_CORE_READ((struct mnt_namespace___v6_7 *)ns, mounts);
}

/* How deep the tree of a namespace's mounts can be: at most 100,000 mounts (fs.mount-max) in a red-black tree. */
#define MAX_DEPTH 40

static __always_inline struct rb_node *rightmost(struct rb_node *node)
{
	for (int i = 0; i < MAX_DEPTH; i++) {
		struct rb_node *right = BPF_CORE_READ(node, rb_right);

		if (!right)
			break;
		node = right;
	}
	return node;
}

static __always_inline struct mount *mount_of_node(struct rb_node *node)
{
	return (void *)node - bpf_core_field_offset(struct mount, mnt_node);
}

/* What came before the newest mount: to the left of the last node of a tree, or above it. 0 before 6.8. */
static __always_inline __u64 id_before(struct mount *newest)
{
	struct rb_node *node;

	if (!bpf_core_field_exists(newest->mnt_node))
		return 0;
	node = BPF_CORE_READ(newest, mnt_node.rb_left);
	if (node)
		return BPF_CORE_READ(mount_of_node(rightmost(node)), mnt_id_unique);
	node = (void *)(BPF_CORE_READ(newest, mnt_node.__rb_parent_color) & ~3UL);
	/* mnt_last_node is set before the node is in the tree: another task may be about to add it */
	if (BPF_CORE_READ(node, rb_right) != &newest->mnt_node)
		return BPF_CORE_READ(newest, mnt_id_unique);
	return BPF_CORE_READ(mount_of_node(node), mnt_id_unique);
}

/*
 * struct kh_mount of the mount, where it is, what of its file system it shows, and its superblock. `newest`: it is the
 * newest of its namespace. See add_string().
 */
__attribute__((noinline)) __u64 add_mount(__u64 at, __u64 object, __u64 newest)
{
	struct buffer *b = this_buffer();
	struct mount *mount = (void *)object;
	struct dentry *shown;
	struct kh_mount *out;
	__u64 start = at;

	if (!b || !mount)
		return at;
	out = add_struct(b, &start, KH_FIELD_MOUNT, sizeof(*out));
	if (!out)
		return at;
	fill_mount(out, mount);
	if (newest)
		out->before = id_before(mount);
	start = add_superblock(b, start, BPF_CORE_READ(mount, mnt.mnt_sb));
	shown = BPF_CORE_READ(mount, mnt.mnt_root);
	if (out->ns_id)
		start = add_call_path(start, KH_FIELD_MOUNT_POINT, object, (__u64)shown, 1);
	return add_call_path(start, KH_FIELD_MOUNT_ROOT, 0, (__u64)shown, 0);
}

/*
 * The mount that came last into the caller's mount namespace. After a mount(2) that succeeded it is the one that the
 * call made, unless others mount there at the same time: user space decides what it can say.
 */
static __always_inline struct mount *newest_mount(struct task_struct *task)
{
	struct mnt_namespace *ns = BPF_CORE_READ(task, nsproxy, mnt_ns);
	struct rb_node *node;

	if (!ns)
		return 0;
	if (bpf_core_field_exists(((struct mnt_namespace___v6_7 *)ns)->list)) {
		struct list_head *last = BPF_CORE_READ((struct mnt_namespace___v6_7 *)ns, list.prev);

		if ((void *)last == (void *)ns + bpf_core_field_offset(struct mnt_namespace___v6_7, list))
			return 0;
		return (void *)last - bpf_core_field_offset(struct mount, mnt_list);
	}
	if (bpf_core_field_exists(ns->mnt_last_node)) {
		node = BPF_CORE_READ(ns, mnt_last_node);
	} else {
		node = rightmost(BPF_CORE_READ((struct mnt_namespace___v6_8 *)ns, mounts.rb_node));
	}
	return node ? mount_of_node(node) : 0;
}

/* The mount that a descriptor of fsmount(2) or open_tree(2) stands for; NULL for one that was merely opened on a mount. */
static __always_inline struct mount *mount_of_fd(struct task_struct *task, __s32 fd)
{
	struct file *file = file_of(task, fd);

	return file ? mount_of(BPF_CORE_READ(file, f_path.mnt)) : 0;
}

#endif
