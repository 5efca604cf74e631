// SPDX-License-Identifier: GPL-2.0-only
/*
 * The least that a tracer of setns(2) does in the kernel: one program at the return of every call, and a record of the
 * caller, its namespaces and its arguments for the calls in question. Linux 5.11 (bpf_get_current_task_btf()).
 */
typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

enum bpf_map_type {
	BPF_MAP_TYPE_RINGBUF = 27,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r9, r8, dx, si, di, orig_ax;
};
#else
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
};
/* bpf_tracing.h names it */
struct user_pt_regs {
	__u64 regs[31];
};
#endif

struct ns_common {
	unsigned int inum;
};

struct mnt_namespace {
	struct ns_common ns;
};

struct uts_namespace {
	struct ns_common ns;
};

struct ipc_namespace {
	struct ns_common ns;
};

struct net {
	struct ns_common ns;
};

struct pid_namespace {
	struct ns_common ns;
};

struct cgroup_namespace {
	struct ns_common ns;
};

struct time_namespace {
	struct ns_common ns;
};

struct user_namespace {
	struct ns_common ns;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns;
	struct time_namespace *time_ns_for_children;
	struct cgroup_namespace *cgroup_ns;
};

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

struct cred {
	kuid_t euid;
	kgid_t egid;
	struct user_namespace *user_ns;
};

struct task_struct {
	int pid, tgid;
	struct task_struct *real_parent, *group_leader;
	__u64 start_boottime;
	const struct cred *real_cred;
	struct nsproxy *nsproxy;
	char comm[16];
};

#pragma clang attribute pop

#include "consumer.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "GPL";

/* __NR_setns, and the flags of bpf_ringbuf_submit(): BPF_RB_NO_WAKEUP where the reader looks by itself. */
const volatile long number;
const volatile __u64 flags;

/* Records that found the ring full. */
__u64 lost;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 16 * 1024 * 1024);
} ring SEC(".maps");

#if defined(__TARGET_ARCH_x86)
#define NUMBER(regs) ((long)(regs)->orig_ax)
static __always_inline void read_args(struct record *r, struct pt_regs *regs)
{
	r->args[0] = regs->di;
	r->args[1] = regs->si;
	r->args[2] = regs->dx;
	r->args[3] = regs->r10;
	r->args[4] = regs->r8;
	r->args[5] = regs->r9;
}
#else
#define NUMBER(regs) ((long)(regs)->syscallno)
static __always_inline void read_args(struct record *r, struct pt_regs *regs)
{
	r->args[0] = regs->orig_x0;
	r->args[1] = regs->regs[1];
	r->args[2] = regs->regs[2];
	r->args[3] = regs->regs[3];
	r->args[4] = regs->regs[4];
	r->args[5] = regs->regs[5];
}
#endif

SEC("tp_btf/sys_exit")
int BPF_PROG(call_returned, struct pt_regs *regs, long ret)
{
	struct task_struct *task;
	struct nsproxy *nsproxy;
	struct record *r;

	if (NUMBER(regs) != number)
		return 0;
	r = bpf_ringbuf_reserve(&ring, sizeof(*r), 0);
	if (!r) {
		__sync_fetch_and_add(&lost, 1);
		return 0;
	}
	task = (struct task_struct *)bpf_get_current_task_btf();
	nsproxy = task->nsproxy;
	r->time = bpf_ktime_get_boot_ns();
	r->ret = ret;
	read_args(r, regs);
	r->start = task->group_leader->start_boottime;
	r->cgroup = bpf_get_current_cgroup_id();
	r->pid = task->tgid;
	r->tid = task->pid;
	r->ppid = task->real_parent->tgid;
	r->uid = task->real_cred->euid.val;
	r->gid = task->real_cred->egid.val;
	r->ns[0] = nsproxy->mnt_ns->ns.inum;
	r->ns[1] = nsproxy->uts_ns->ns.inum;
	r->ns[2] = nsproxy->ipc_ns->ns.inum;
	r->ns[3] = nsproxy->net_ns->ns.inum;
	r->ns[4] = task->real_cred->user_ns->ns.inum;
	r->ns[5] = nsproxy->cgroup_ns->ns.inum;
	r->ns[6] = nsproxy->time_ns->ns.inum;
	r->ns[7] = nsproxy->pid_ns_for_children->ns.inum;
	r->ns[8] = nsproxy->time_ns_for_children->ns.inum;
	bpf_get_current_comm(r->comm, sizeof(r->comm));
	r->reserved[0] = r->reserved[1] = 0;
	bpf_ringbuf_submit(r, flags);
	return 0;
}
