/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KEYHOLE_FD_H
#define KEYHOLE_FD_H

#include "read.h"

/* The open file behind descriptor `fd` of a task; NULL where it has none. */
static __always_inline struct file *file_of(struct task_struct *task, __s32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = 0;

	if (fd < 0 || (__u32)fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	/* lockless, as any observer is: another thread may put a new file there */
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file;
}

#endif
