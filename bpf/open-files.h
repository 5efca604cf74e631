/* SPDX-License-Identifier: GPL-2.0-only */
/* What open files keep alive: namespaces that may have no process, and procfs mounts that no mount table has. */
#ifndef KEYHOLE_OPEN_FILES_H
#define KEYHOLE_OPEN_FILES_H

#include "namespaces.h"
#include "nsfs.h"

/* A process can open as many as it likes: no more than this are told of each kind, and the rest is counted. */
#define FILES_A_PROCESS 1024

struct open_limit {
	__u64 reading;
	__u64 skipped;		/* in this reading */
	__u32 pid;
	__u32 fd;		/* the last one that was told */
	__u32 namespaces;	/* told of this process */
	__u32 procfs;
};

struct open_limit open_limit;

/* The descriptors of a process come one after the other. */
static __always_inline bool is_beyond_limit(__u64 reading, __u32 pid, __u32 fd, bool is_procfs)
{
	__u32 *told = is_procfs ? &open_limit.procfs : &open_limit.namespaces;

	if (open_limit.reading != reading) {
		open_limit.reading = reading;
		open_limit.skipped = 0;
		open_limit.pid = 0;
	}
	if (open_limit.pid != pid) {
		open_limit.pid = pid;
		open_limit.fd = -1;
		open_limit.namespaces = 0;
		open_limit.procfs = 0;
	}
	/* told again: see struct telling */
	if (open_limit.fd == fd)
		return 0;
	if (*told < FILES_A_PROCESS) {
		(*told)++;
		open_limit.fd = fd;
		return 0;
	}
	open_limit.skipped++;
	return 1;
}

/* ERR_PTR(): MNT_NS_INTERNAL of fs/mount.h stands where the kernel mounts for itself */
#define MAX_ERRNO 4095

static __always_inline bool is_detached(struct mount *mount)
{
	struct mnt_namespace *ns = BPF_CORE_READ(mount, mnt_ns);

	if ((__u64)ns >= (__u64)-MAX_ERRNO)
		return 0;
	return !ns || !mount_ns_id(ns);
}

/* Is the file of a procfs mount that is in no mount table? */
static __always_inline bool is_detached_procfs(struct kh_open_file *out, struct file *file)
{
	struct mount *mount = mount_of(BPF_CORE_READ(file, f_path.mnt));

	if (!is_detached(mount))
		return 0;
	out->flags = KH_OPEN_DETACHED;
	if (BPF_CORE_READ(file, f_path.dentry) == BPF_CORE_READ(mount, mnt.mnt_root))
		out->flags |= KH_OPEN_ROOT;
	out->type = KH_NS_LINKS;
	out->dev = BPF_CORE_READ(mount, mnt.mnt_sb, s_dev);
	if (bpf_core_field_exists(mount->mnt_id_unique))
		out->id = BPF_CORE_READ(mount, mnt_id_unique);
	return 1;
}

/* The network namespace of a socket, if it is not that of the task which holds it. */
static __always_inline void *foreign_net_of(struct file *file, struct task_struct *task)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct net *net = BPF_CORE_READ(socket, sk, __sk_common.skc_net.net);

	return net == BPF_CORE_READ(task, nsproxy, net_ns) ? 0 : net;
}

/* One read of this iterator is every descriptor that keeps such a thing alive, since 5.8. */
SEC("iter/task_file")
int open_files(struct bpf_iter__task_file *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct kh_open_file *out;
	struct buffer *b;
	void *ns = 0;
	__u64 magic;
	__u64 at;

	if (!task || !file)
		return 0;
	magic = BPF_CORE_READ(file, f_inode, i_sb, s_magic);
	if (magic != NSFS_MAGIC && magic != PROC_SUPER_MAGIC && magic != SOCKFS_MAGIC)
		return 0;
	b = buffer_at(SLOT_INVENTORY);
	if (!b)
		return 0;
	out = (struct kh_open_file *)b->bytes;
	__builtin_memset(out, 0, sizeof(*out));
	if (magic == PROC_SUPER_MAGIC) {
		if (!is_detached_procfs(out, file))
			return 0;
	} else if (magic == NSFS_MAGIC) {
		ns = nsfs_object(BPF_CORE_READ(file, f_inode), &out->type);
	} else {
		ns = foreign_net_of(file, task);
		out->type = KH_NS_NET;
		out->flags = KH_OPEN_SOCKET;
	}
	if (magic != PROC_SUPER_MAGIC && !ns)
		return 0;
	out->pid = BPF_CORE_READ(task, tgid);
	out->fd = ctx->fd;
	if (is_beyond_limit(ctx->meta->session_id, out->pid, out->fd, magic == PROC_SUPER_MAGIC))
		return 0;
	at = sizeof(*out);
	if (ns) {
		__u32 type = out->type;

		out->inum = BPF_CORE_READ((struct ns_common *)(ns + offset_of_ns(type)), inum);
		out->id = id_of_ns(type, ns);
		begin_telling(ctx->meta->session_id, (__u64)BPF_CORE_READ(task, pid) << 32 | ctx->fd);
		at = add_with_owner(at, type, (__u64)ns);
	}
	if (at > BUFFER_SIZE)
		return 0;
	out->length = at;
	bpf_seq_write(seq, b->bytes, at);
	return 0;
}

#endif
