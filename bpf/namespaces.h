/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What namespaces are: owner, parent, level and the like, of all that a reading comes by and of all above them. Each is
 * told once a reading, so that a thousand tasks of one namespace cost as much as one.
 */
#ifndef KEYHOLE_NAMESPACES_H
#define KEYHOLE_NAMESPACES_H

#include "field.h"
#include "task.h"
#include "vfsmount.h"

/* 32 below the initial one: MAX_PID_NS_LEVEL, and create_user_ns() of kernel/user_namespace.c */
#define MAX_LEVELS 34

/* Which kernel objects were told lately. One that makes room for another is told twice. */
#define TOLD_BITS 12

struct told {
	__u64 object;
	__u64 attempt;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1 << TOLD_BITS);
	__type(key, __u32);
	__type(value, struct told);
} told_objects SEC(".maps");

/*
 * The reading that is under way; one at a time. A program runs again for an object whose record did not fit the page
 * that is being read (bpf_seq_read() of kernel/bpf/bpf_iter.c), and what it told is gone: each run is an attempt.
 */
struct telling {
	__u64 reading;
	__u64 teller;
	__u64 first;		/* attempt of this reading */
	__u64 discarded;	/* attempt of this teller */
	__u64 attempt;
};

struct telling telling;

/* The program runs for `teller`, which is unique within `reading`. */
static __always_inline void begin_telling(__u64 reading, __u64 teller)
{
	telling.discarded = 0;
	if (telling.reading != reading) {
		telling.reading = reading;
		telling.first = telling.attempt + 1;
	} else if (telling.teller == teller) {
		telling.discarded = telling.attempt;
	}
	telling.teller = teller;
	telling.attempt++;
}

/* Was the object told in this reading? From now on it is. */
static __always_inline bool is_told(__u64 object)
{
	__u32 slot = (object >> 6) * 0x9e3779b97f4a7c15ULL >> (64 - TOLD_BITS);
	struct told *told = bpf_map_lookup_elem(&told_objects, &slot);

	if (!told)
		return 1;
	if (told->object == object && told->attempt >= telling.first && told->attempt != telling.discarded)
		return 1;
	told->object = object;
	told->attempt = telling.attempt;
	return 0;
}

/* Where struct ns_common is in the namespaces of a type. */
static __always_inline __u64 offset_of_ns(__u32 type)
{
	switch (type) {
	case KH_NS_MNT:
		return bpf_core_field_offset(struct mnt_namespace, ns);
	case KH_NS_UTS:
		return bpf_core_field_offset(struct uts_namespace, ns);
	case KH_NS_IPC:
		return bpf_core_field_offset(struct ipc_namespace, ns);
	case KH_NS_NET:
		return bpf_core_field_offset(struct net, ns);
	case KH_NS_PID:
		return bpf_core_field_offset(struct pid_namespace, ns);
	case KH_NS_USER:
		return bpf_core_field_offset(struct user_namespace, ns);
	case KH_NS_CGROUP:
		return bpf_core_field_offset(struct cgroup_namespace, ns);
	case KH_NS_TIME:
		return bpf_core_field_offset(struct time_namespace, ns);
	}
	return 0;
}

static __always_inline struct user_namespace *owner_of(__u32 type, void *ns)
{
	switch (type) {
	case KH_NS_MNT:
		return BPF_CORE_READ((struct mnt_namespace *)ns, user_ns);
	case KH_NS_UTS:
		return BPF_CORE_READ((struct uts_namespace *)ns, user_ns);
	case KH_NS_IPC:
		return BPF_CORE_READ((struct ipc_namespace *)ns, user_ns);
	case KH_NS_NET:
		return BPF_CORE_READ((struct net *)ns, user_ns);
	case KH_NS_PID:
		return BPF_CORE_READ((struct pid_namespace *)ns, user_ns);
	case KH_NS_USER:
		return BPF_CORE_READ((struct user_namespace *)ns, parent);
	case KH_NS_CGROUP:
		return BPF_CORE_READ((struct cgroup_namespace *)ns, user_ns);
	case KH_NS_TIME:
		return BPF_CORE_READ((struct time_namespace *)ns, user_ns);
	}
	return 0;
}

/* The id that is never used again: of all since 6.18, before of mount namespaces alone; else 0. */
static __always_inline __u64 id_of_ns(__u32 type, void *ns)
{
	struct ns_common *common = ns + offset_of_ns(type);

	if (bpf_core_field_exists(common->ns_id))
		return BPF_CORE_READ(common, ns_id);
	return type == KH_NS_MNT ? mount_ns_id(ns) : 0;
}

static __always_inline void fill_mnt_namespace(struct kh_namespace *out, struct mnt_namespace *ns)
{
	out->event = BPF_CORE_READ(ns, event);
	if (bpf_core_field_exists(ns->nr_mounts))
		out->mounts = BPF_CORE_READ(ns, nr_mounts);
	else if (bpf_core_field_exists(((struct mnt_namespace___v6_7 *)ns)->mounts))
		out->mounts = BPF_CORE_READ((struct mnt_namespace___v6_7 *)ns, mounts);
}

/* struct kh_namespace of the namespace, unless it is told: then nothing is added. See add_string(). */
__attribute__((noinline)) __u64 add_namespace(__u64 at, __u64 type, __u64 address)
{
	struct buffer *b = buffer_at(SLOT_INVENTORY);
	void *ns = (void *)address;
	struct kh_namespace *out;

	if (!b || !ns || is_told(address))
		return at;
	out = add_struct(b, &at, KH_FIELD_NAMESPACE, sizeof(*out));
	if (!out)
		return at;
	out->id = id_of_ns(type, ns);
	out->type = type;
	out->inum = BPF_CORE_READ((struct ns_common *)(ns + offset_of_ns(type)), inum);
	out->owner = BPF_CORE_READ(owner_of(type, ns), ns.inum);
	if (type == KH_NS_MNT) {
		fill_mnt_namespace(out, ns);
	} else if (type == KH_NS_PID) {
		out->level = BPF_CORE_READ((struct pid_namespace *)ns, level);
		out->parent = BPF_CORE_READ((struct pid_namespace *)ns, parent, ns.inum);
	} else if (type == KH_NS_USER) {
		out->level = BPF_CORE_READ((struct user_namespace *)ns, level);
		out->uid = BPF_CORE_READ((struct user_namespace *)ns, owner.val);
		out->parent = out->owner;
	}
	return at;
}

/* A user namespace and those above it. What was told was told with all above it. See add_string(). */
__attribute__((noinline)) __u64 add_user_namespaces(__u64 at, __u64 address)
{
	for (int i = 0; i < MAX_LEVELS; i++) {
		__u64 next = add_namespace(at, KH_NS_USER, address);

		if (next == at)
			break;
		at = next;
		address = (__u64)BPF_CORE_READ((struct user_namespace *)address, parent);
	}
	return at;
}

/* A pid namespace and those above it, with their owners. See add_string(). */
__attribute__((noinline)) __u64 add_pid_namespaces(__u64 at, __u64 address)
{
	for (int i = 0; i < MAX_LEVELS; i++) {
		struct pid_namespace *ns = (void *)address;
		__u64 next = add_namespace(at, KH_NS_PID, address);

		if (next == at)
			break;
		at = add_user_namespaces(next, (__u64)BPF_CORE_READ(ns, user_ns));
		address = (__u64)BPF_CORE_READ(ns, parent);
	}
	return at;
}

/* A namespace of any type, with its owner and all above. See add_string(). */
__attribute__((noinline)) __u64 add_with_owner(__u64 at, __u64 type, __u64 address)
{
	__u64 next;

	if (type == KH_NS_PID)
		return add_pid_namespaces(at, address);
	if (type == KH_NS_USER)
		return add_user_namespaces(at, address);
	next = add_namespace(at, type, address);
	if (next == at)
		return at;
	return add_user_namespaces(next, (__u64)owner_of(type, (void *)address));
}

/* All that a task is in, and where its children will be born. */
static __always_inline __u64 add_task_namespaces(__u64 at, struct task_struct *task)
{
	struct nsproxy *nsproxy = BPF_CORE_READ(task, nsproxy);
	struct upid upid = {};

	innermost(BPF_CORE_READ(task, thread_pid), &upid, 0);
	at = add_pid_namespaces(at, (__u64)upid.ns);
	at = add_user_namespaces(at, (__u64)BPF_CORE_READ(task, real_cred, user_ns));
	if (!nsproxy || is_told((__u64)nsproxy))
		return at;
	at = add_with_owner(at, KH_NS_MNT, (__u64)BPF_CORE_READ(nsproxy, mnt_ns));
	at = add_with_owner(at, KH_NS_UTS, (__u64)BPF_CORE_READ(nsproxy, uts_ns));
	at = add_with_owner(at, KH_NS_IPC, (__u64)BPF_CORE_READ(nsproxy, ipc_ns));
	at = add_with_owner(at, KH_NS_NET, (__u64)BPF_CORE_READ(nsproxy, net_ns));
	at = add_with_owner(at, KH_NS_CGROUP, (__u64)BPF_CORE_READ(nsproxy, cgroup_ns));
	at = add_with_owner(at, KH_NS_TIME, (__u64)BPF_CORE_READ(nsproxy, time_ns));
	at = add_with_owner(at, KH_NS_PID, (__u64)BPF_CORE_READ(nsproxy, pid_ns_for_children));
	at = add_with_owner(at, KH_NS_TIME, (__u64)BPF_CORE_READ(nsproxy, time_ns_for_children));
	return at;
}

#endif
