/* SPDX-License-Identifier: GPL-2.0-only */
/* The path of a file, component by component, up to the root of its mount namespace or of the caller. */
#ifndef KEYHOLE_PATH_H
#define KEYHOLE_PATH_H

#include "field.h"

/* Components and mount points together; a deeper path is marked as cut. */
#define MAX_STEPS 32
#define NAME_SIZE 256

/*
 * `mount` NULL: up to the root of the file system. `root`, unless empty, is where the caller's world ends; a path that
 * misses it is marked KH_OUTSIDE.
 */
static __always_inline __u64 add_path(struct buffer *b, __u64 at, __u8 id, struct mount *mount,
				      struct dentry *dentry, struct path *root)
{
	struct kh_field *field;
	__u8 status = KH_CUT;

	barrier_var(at);
	if (at > FIELD_LIMIT)
		return at;
	field = field_at(b, at);
	/*
	 * The length so far lives in the record: what is read back from memory has no
	 * range, so that the verifier finds each turn of the loop like the one before.
	 */
	field->reserved = 0;
	for (int i = 0; i < MAX_STEPS; i++) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);
		__u32 length = field->reserved;
		long added;

		if (root->dentry && dentry == root->dentry &&
		    (void *)mount + bpf_core_field_offset(struct mount, mnt) == (void *)root->mnt) {
			status = KH_OK;
			break;
		}
		if (mount && dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above != mount) {
				dentry = BPF_CORE_READ(mount, mnt_mountpoint);
				mount = above;
				continue;
			}
			status = root->dentry ? KH_OUTSIDE : KH_OK;
			/* a detached mount of a file has no path, but the file has a name */
			if (root->dentry || length || dentry == parent)
				break;
		}
		if (!mount && dentry == parent) {
			status = KH_OK;
			break;
		}
		if (length > PATH_MAX - NAME_SIZE)
			break;
		added = bpf_probe_read_kernel_str((__u8 *)(field + 1) + length, NAME_SIZE,
						  BPF_CORE_READ(dentry, d_name.name));
		if (added <= 0) {
			status = KH_FAULT;
			break;
		}
		field->reserved = length + added;
		/* the only component of a memfd, whose dentry is its own parent */
		if (dentry == parent)
			status = KH_OK;
		if (status == KH_OK)
			break;
		dentry = parent;
	}
	return field_end(field, at, id, status, field->reserved & 0x1fff);
}

static __always_inline struct mount *mount_of(struct vfsmount *vfsmount)
{
	return (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
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
	return add_path(b, at, id, (struct mount *)mount, (struct dentry *)dentry, &root);
}

/* What /proc/PID/exe points at. */
static __always_inline __u64 add_exe(struct buffer *b, __u64 at, struct task_struct *task)
{
	struct file *file = BPF_CORE_READ(task, mm, exe_file);
	struct path nowhere = {};

	if (!file)
		return at;
	return add_path(b, at, KH_FIELD_EXE, mount_of(BPF_CORE_READ(file, f_path.mnt)),
			BPF_CORE_READ(file, f_path.dentry), &nowhere);
}

#endif
