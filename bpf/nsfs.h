/* SPDX-License-Identifier: GPL-2.0-only */
/* From a namespace file to the namespace. */
#ifndef KEYHOLE_NSFS_H
#define KEYHOLE_NSFS_H

#include "namespaces.h"

static __always_inline __u32 type_of_flag(__u64 flag)
{
	switch (flag) {
	case 0x00020000:
		return KH_NS_MNT;
	case 0x04000000:
		return KH_NS_UTS;
	case 0x08000000:
		return KH_NS_IPC;
	case 0x40000000:
		return KH_NS_NET;
	case 0x20000000:
		return KH_NS_PID;
	case 0x10000000:
		return KH_NS_USER;
	case 0x02000000:
		return KH_NS_CGROUP;
	case CLONE_NEWTIME:
		return KH_NS_TIME;
	}
	return KH_NS_LINKS;
}

/* The namespace behind an inode of nsfs, and its type; NULL for the root of nsfs, which is none. */
static __always_inline void *nsfs_object(struct inode *inode, __u32 *type)
{
	struct ns_common *common = BPF_CORE_READ(inode, i_private);
	__u64 flag = 0;

	if (!common)
		return 0;
	if (bpf_core_field_exists(common->ns_type))
		flag = BPF_CORE_READ(common, ns_type);
	else if (bpf_core_field_exists(((struct proc_ns_operations *)0)->type))
		flag = BPF_CORE_READ(common, ops, type);
	*type = type_of_flag(flag);
	if (*type == KH_NS_LINKS)
		return 0;
	return (void *)common - offset_of_ns(*type);
}

#endif
