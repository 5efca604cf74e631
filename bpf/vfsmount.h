/* SPDX-License-Identifier: GPL-2.0-only */
/* From what the rest of the kernel knows of a mount to what fs/namespace.c does. */
#ifndef KEYHOLE_VFSMOUNT_H
#define KEYHOLE_VFSMOUNT_H

#include "read.h"

static __always_inline struct mount *mount_of(struct vfsmount *vfsmount)
{
	return (void *)vfsmount - bpf_core_field_offset(struct mount, mnt);
}

/* 0 for the anonymous namespace of a detached mount. */
static __always_inline __u64 mount_ns_id(struct mnt_namespace *ns)
{
	/* where it is said by a member of its own, it has an id as well */
	if (bpf_core_field_exists(ns->is_anon) && BPF_CORE_READ(ns, is_anon))
		return 0;
	if (bpf_core_field_exists(ns->seq))
		return BPF_CORE_READ(ns, seq);
	if (bpf_core_field_exists(ns->ns.ns_id))
		return BPF_CORE_READ(ns, ns.ns_id);
	return 0;
}

#endif
