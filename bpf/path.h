/* SPDX-License-Identifier: GPL-2.0-only */
/* The path of a file, component by component, up to the root of its mount namespace or of the caller. */
#ifndef KEYHOLE_PATH_H
#define KEYHOLE_PATH_H

#include "field.h"
#include "vfsmount.h"

/* Components and mount points together; a deeper path is marked as cut. */
#define MAX_STEPS 32
#define NAME_SIZE 256

/*
 * One turn of add_path(): adds a component, or goes on from a mount to where it is mounted. Returns 0 until the path is
 * complete. A global function, so that the verifier looks at one turn and not at all of them.
 */
__attribute__((noinline)) int path_step(__u32 slot)
{
	struct buffer *b = buffer_at(slot);
	struct dentry *dentry, *parent;
	struct kh_field *field;
	struct mount *mount;
	__u32 length;
	long added;
	__u64 at;

	if (!b)
		return 1;
	at = b->walk.at;
	barrier_var(at);
	if (at > FIELD_LIMIT)
		return 1;
	field = field_at(b, at);
	dentry = b->walk.dentry;
	mount = b->walk.mount;
	length = field->reserved;
	if (b->walk.root.dentry && dentry == b->walk.root.dentry &&
	    (void *)mount + bpf_core_field_offset(struct mount, mnt) == (void *)b->walk.root.mnt) {
		field->status = KH_OK;
		return 1;
	}
	parent = BPF_CORE_READ(dentry, d_parent);
	if (mount && dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
		struct mount *above = BPF_CORE_READ(mount, mnt_parent);

		if (above != mount) {
			b->walk.dentry = BPF_CORE_READ(mount, mnt_mountpoint);
			b->walk.mount = above;
			return 0;
		}
		field->status = b->walk.root.dentry ? KH_OUTSIDE : KH_OK;
		/* a detached mount of a file has no path, but the file has a name */
		if (b->walk.root.dentry || length || dentry == parent)
			return 1;
	}
	if (!mount && dentry == parent) {
		field->status = KH_OK;
		return 1;
	}
	barrier_var(length);
	if (length > PATH_MAX - NAME_SIZE)
		return 1;
	added = bpf_probe_read_kernel_str((__u8 *)(field + 1) + length, NAME_SIZE, BPF_CORE_READ(dentry, d_name.name));
	if (added <= 0) {
		field->status = KH_FAULT;
		return 1;
	}
	field->reserved = length + added;
	/* the only component of a memfd, whose dentry is its own parent */
	if (dentry == parent)
		field->status = KH_OK;
	b->walk.dentry = parent;
	return field->status == KH_OK;
}

/*
 * The path of `dentry` to the record in the buffer of `slot`. `mount` NULL: up to the root of the file system. `root`,
 * unless empty, is where the caller's world ends; a path that misses it is marked KH_OUTSIDE.
 */
static __always_inline __u64 add_path(struct buffer *b, __u32 slot, __u64 at, __u8 id, struct mount *mount,
				      struct dentry *dentry, struct path *root)
{
	struct kh_field *field;

	barrier_var(at);
	if (at > FIELD_LIMIT)
		return at;
	field = field_at(b, at);
	field->reserved = 0;
	field->status = KH_CUT;
	b->walk.at = at;
	b->walk.mount = mount;
	b->walk.dentry = dentry;
	b->walk.root = *root;
	for (int i = 0; i < MAX_STEPS; i++)
		if (path_step(slot))
			break;
	return field_end(field, at, id, field->status, field->reserved & 0x1fff);
}

/*
 * add_path() for a path of the call in this CPU's buffer; with `seen` nonzero seen from the root of the caller. See
 * add_string().
 */
__attribute__((noinline)) __u64 add_call_path(__u64 at, __u64 id, __u64 mount, __u64 dentry, __u64 seen)
{
	struct buffer *b = this_buffer();
	struct path root = {};

	if (!b)
		return at;
	if (seen)
		BPF_CORE_READ_INTO(&root, (struct task_struct *)bpf_get_current_task(), fs, root);
	return add_path(b, SLOT_CALL, at, id, (struct mount *)mount, (struct dentry *)dentry, &root);
}

/* What /proc/PID/exe points at. */
static __always_inline __u64 add_exe(struct buffer *b, __u32 slot, __u64 at, struct task_struct *task)
{
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct path nowhere = {};

	if (!file)
		return at;
	return add_path(b, slot, at, KH_FIELD_EXE, mount_of(BPF_CORE_READ(file, f_path.mnt)),
			BPF_CORE_READ(file, f_path.dentry), &nowhere);
}

#endif
