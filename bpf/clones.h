/* SPDX-License-Identifier: GPL-2.0-only */
/* Between the birth of a task and the return of the call that made it. */
#ifndef KEYHOLE_CLONES_H
#define KEYHOLE_CLONES_H

#include "read.h"

/* Flags of a clone that made namespaces, by the tid of the parent, until it returns. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, __u64);
} clones SEC(".maps");

#endif
