/* SPDX-License-Identifier: GPL-2.0-only */
/* The ids of a task's namespaces that are never reused: whoever was in one may be gone before it can be asked. */
#ifndef KEYHOLE_NS_IDS_H
#define KEYHOLE_NS_IDS_H

#include "field.h"
#include "task.h"

static __always_inline __u64 add_ns_ids(struct buffer *b, __u64 at, struct task_struct *task)
{
	struct nsproxy *nsproxy = BPF_CORE_READ(task, nsproxy);
	struct upid upid = {};
	struct kh_ns_ids *out;

	/* every namespace has one since 6.18; before, mount namespaces alone do */
	bool all = bpf_core_field_exists(((struct ns_common *)0)->ns_id);

	if (!nsproxy || (!all && !bpf_core_field_exists(((struct mnt_namespace *)0)->seq)))
		return at;
	out = add_struct(b, &at, KH_FIELD_NS_IDS, sizeof(*out));
	if (!out)
		return at;
	if (!all) {
		out->id[KH_NS_MNT] = BPF_CORE_READ(nsproxy, mnt_ns, seq);
		return at;
	}
	innermost(READ(task, thread_pid), &upid, 0);
	out->id[KH_NS_PID] = BPF_CORE_READ(upid.ns, ns.ns_id);
	out->id[KH_NS_USER] = BPF_CORE_READ(task, real_cred, user_ns, ns.ns_id);
	out->id[KH_NS_MNT] = BPF_CORE_READ(nsproxy, mnt_ns, ns.ns_id);
	out->id[KH_NS_UTS] = BPF_CORE_READ(nsproxy, uts_ns, ns.ns_id);
	out->id[KH_NS_IPC] = BPF_CORE_READ(nsproxy, ipc_ns, ns.ns_id);
	out->id[KH_NS_NET] = BPF_CORE_READ(nsproxy, net_ns, ns.ns_id);
	out->id[KH_NS_CGROUP] = BPF_CORE_READ(nsproxy, cgroup_ns, ns.ns_id);
	out->id[KH_NS_TIME] = BPF_CORE_READ(nsproxy, time_ns, ns.ns_id);
	out->id[KH_NS_PID_FOR_CHILDREN] = BPF_CORE_READ(nsproxy, pid_ns_for_children, ns.ns_id);
	out->id[KH_NS_TIME_FOR_CHILDREN] = BPF_CORE_READ(nsproxy, time_ns_for_children, ns.ns_id);
	return at;
}

#endif
