/* SPDX-License-Identifier: GPL-2.0-only */
/* Where a path of a call starts: the working directory, or the directory behind a descriptor. */
#ifndef KEYHOLE_BASE_H
#define KEYHOLE_BASE_H

#include "fd.h"
#include "path.h"

#define AT_FDCWD -100

#define SELF_FD "/proc/self/fd/"
#define THREAD_SELF_FD "/proc/thread-self/fd/"
/* digits of a descriptor: fs.nr_open is at most 2^31 */
#define FD_DIGITS 10

static __always_inline bool starts_with(const char *path, const char *prefix, __u32 size)
{
	for (__u32 i = 0; i < size; i++)
		if (path[i] != prefix[i])
			return 0;
	return 1;
}

/* What names a descriptor of the caller itself, so that no symbolic link can be in the way: runc(8) mounts so. */
static __always_inline __s32 fd_of_magic_link(const char *path)
{
	__s32 fd = 0;

	if (starts_with(path, SELF_FD, sizeof(SELF_FD) - 1))
		path += sizeof(SELF_FD) - 1;
	else if (starts_with(path, THREAD_SELF_FD, sizeof(THREAD_SELF_FD) - 1))
		path += sizeof(THREAD_SELF_FD) - 1;
	else
		return -1;
	for (__u32 i = 0; i < FD_DIGITS; i++) {
		__u8 digit = path[i] - '0';

		if (digit > 9)
			return i ? fd : -1;
		fd = fd * 10 + digit;
	}
	return fd;
}

/*
 * The directory, seen from the caller's root, that the path in the field at `path` starts from; of /proc/self/fd/N the
 * file that is meant. Nothing is added for any other absolute path, whose start is that root itself. See add_string().
 */
__attribute__((noinline)) __u64 add_base(__u64 at, __u64 id, __u64 path, __s32 fd)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct buffer *b = this_buffer();
	struct kh_field *field;
	struct path from;
	struct file *file;

	if (!b)
		return at;
	barrier_var(path);
	if (path > FIELD_LIMIT)
		return at;
	field = field_at(b, path);
	/* no string was read: there is nothing at `path` but the next field */
	if (path != at) {
		const char *text = (const char *)(field + 1);

		if (field->length && *text == '/') {
			fd = fd_of_magic_link(text);
			if (fd < 0)
				return at;
		}
	}
	if (fd == AT_FDCWD) {
		BPF_CORE_READ_INTO(&from, task, fs, pwd);
	} else {
		file = file_of(task, fd);
		if (!file)
			return at;
		BPF_CORE_READ_INTO(&from, file, f_path);
	}
	return add_call_path(at, id, (__u64)mount_of(from.mnt), (__u64)from.dentry, 1);
}

/* The caller's root, seen from the root of its mount namespace. See add_string(). */
__attribute__((noinline)) __u64 add_root(__u64 at)
{
	struct path root;

	BPF_CORE_READ_INTO(&root, (struct task_struct *)bpf_get_current_task(), fs, root);
	return add_call_path(at, KH_FIELD_ROOT, (__u64)mount_of(root.mnt), (__u64)root.dentry, 0);
}

#endif
