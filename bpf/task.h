/* SPDX-License-Identifier: GPL-2.0-only */
/* Who a task is: the part of a record that all kinds share. */
#ifndef KEYHOLE_TASK_H
#define KEYHOLE_TASK_H

#include "event.h"
#include "read.h"

/* pid->numbers[pid->level]: the innermost pid and its namespace. */
static __always_inline void innermost(struct pid *pid, struct upid *upid, bool typed)
{
	__u32 level = GET(typed, pid, level) & 31;	/* MAX_PID_NS_LEVEL is 32 */
	void *numbers = (void *)pid + bpf_core_field_offset(struct pid, numbers);

	bpf_probe_read_kernel(upid, sizeof(*upid),
			      numbers + level * bpf_core_type_size(struct upid));
}

static __always_inline void fill_namespaces(struct kh_event *e, struct task_struct *task, bool typed)
{
	struct nsproxy *nsproxy = GET(typed, task, nsproxy);
	struct upid upid = {};

	e->ns[KH_NS_USER] = GET(typed, task, real_cred, user_ns, ns.inum);
	/* the active pid namespace is that of the pid, not of the nsproxy */
	innermost(GET(typed, task, thread_pid), &upid, typed);
	e->ns[KH_NS_PID] = BPF_CORE_READ(upid.ns, ns.inum);
	innermost(GET(typed, task, group_leader, thread_pid), &upid, typed);
	e->ns_pid = upid.nr;
	/* exit_task_namespaces() clears it */
	if (!nsproxy) {
		e->flags |= KH_F_NO_NSPROXY;
		return;
	}
	e->ns[KH_NS_MNT] = GET(typed, nsproxy, mnt_ns, ns.inum);
	e->ns[KH_NS_UTS] = GET(typed, nsproxy, uts_ns, ns.inum);
	e->ns[KH_NS_IPC] = GET(typed, nsproxy, ipc_ns, ns.inum);
	e->ns[KH_NS_NET] = GET(typed, nsproxy, net_ns, ns.inum);
	e->ns[KH_NS_CGROUP] = GET(typed, nsproxy, cgroup_ns, ns.inum);
	e->ns[KH_NS_TIME] = GET(typed, nsproxy, time_ns, ns.inum);
	e->ns[KH_NS_PID_FOR_CHILDREN] = GET(typed, nsproxy, pid_ns_for_children, ns.inum);
	e->ns[KH_NS_TIME_FOR_CHILDREN] = GET(typed, nsproxy, time_ns_for_children, ns.inum);
}

/* The task's cgroup on the hierarchy of the v1 memory controller; the unified one where that is v2's. */
static __always_inline struct kernfs_node *memory_cgroup(struct task_struct *task)
{
	struct css_set *cgroups = BPF_CORE_READ(task, cgroups);
	void *subsys = (void *)cgroups + bpf_core_field_offset(struct css_set, subsys);
	struct cgroup_subsys_state *css = 0;
	__u32 index;

	if (!bpf_core_enum_value_exists(enum cgroup_subsys_id, memory_cgrp_id))
		return 0;
	index = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id) & 15;
	bpf_probe_read_kernel(&css, sizeof(css), subsys + index * sizeof(css));
	return BPF_CORE_READ(css, cgroup, kn);
}

/* `typed`: see GET(); the task is the current one, or whose type the verifier knows. */
static __always_inline void fill_event(struct kh_event *e, struct task_struct *task, __u8 kind, bool typed)
{
	__builtin_memset(e, 0, sizeof(*e));
	e->version = KH_VERSION;
	e->kind = kind;
	e->length = sizeof(*e);
	e->time = bpf_ktime_get_boot_ns();
	e->start = GET(typed, task, group_leader, start_boottime);
	e->pid = HOT(task, tgid);
	e->tid = HOT(task, pid);
	e->ppid = GET(typed, task, real_parent, tgid);
	e->uid = GET(typed, task, real_cred, euid.val);
	e->gid = GET(typed, task, real_cred, egid.val);
	bpf_core_read(e->comm, sizeof(e->comm), &task->comm);
	if (HOT(task, flags) & PF_KTHREAD)
		e->flags |= KH_F_KTHREAD;
	else if (GET(typed, task, mm, mm_users.counter) > 1)
		e->flags |= KH_F_MM_SHARED;
	fill_namespaces(e, task, typed);
	e->cgroup = GET(typed, task, cgroups, dfl_cgrp, kn, id);
	e->cgroup_v1 = BPF_CORE_READ(memory_cgroup(task), id);
}

#endif
