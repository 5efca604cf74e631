/* SPDX-License-Identifier: GPL-2.0-only */
/* The path of a file, component by component, up to the root of its mount namespace. */
#ifndef KEYHOLE_PATH_H
#define KEYHOLE_PATH_H

#include "field.h"

/* Components and mount points together; a deeper path is marked as cut. */
#define MAX_STEPS 32
#define NAME_SIZE 256

static __always_inline __u32 add_path(struct buffer *b, __u32 at, __u8 id, struct vfsmount *vfsmount,
				      struct dentry *dentry)
{
	struct mount *mount = (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
	struct kh_field *field;
	__u8 status = KH_CUT;

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

		if (dentry == BPF_CORE_READ(mount, mnt.mnt_root)) {
			struct mount *above = BPF_CORE_READ(mount, mnt_parent);

			if (above != mount) {
				dentry = BPF_CORE_READ(mount, mnt_mountpoint);
				mount = above;
				continue;
			}
			status = KH_OK;
			/* a detached mount of a file has no path, but the file has a name */
			if (length || dentry == parent)
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

/* What /proc/PID/exe points at. */
static __always_inline __u32 add_exe(struct buffer *b, __u32 at, struct task_struct *task)
{
	struct file *file = BPF_CORE_READ(task, mm, exe_file);

	if (!file)
		return at;
	return add_path(b, at, KH_FIELD_EXE, BPF_CORE_READ(file, f_path.mnt), BPF_CORE_READ(file, f_path.dentry));
}

#endif
