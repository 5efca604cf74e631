/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The files that unfinished mounts hang on: does the kernel still have them, and who holds them? No event tells when
 * the last reference to a file goes away, so that it is looked up.
 */
#ifndef KEYHOLE_FILES_H
#define KEYHOLE_FILES_H

#include "event.h"
#include "vfsmount.h"

/* Few, since the verifier looks at each turn of the loop. */
#define ASKED 64

struct asked {
	__u64 file;
	__u64 object;	/* the fs context or the vfsmount that is expected behind it */
	__u64 mount;	/* the unique id of that mount; 0 where it is none, or has none */
	__u64 state;	/* enum asked_state */
};

enum asked_state {
	ASKED_ALIVE = 1,
	ASKED_ATTACHED = 2,
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ASKED);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct asked);
} asked_files SEC(".maps");

/* What is expected at the address of a file, or at that of a vfsmount. */
struct wanted {
	__u64 object;	/* what is behind the file */
	__u64 mount;	/* the unique id of the mount */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct wanted);
} wanted_files SEC(".maps");

/*
 * A struct file stays one after it was freed (SLAB_TYPESAFE_BY_RCU, fs/file_table.c), so that reading it is safe at any
 * time; what is behind it tells whether it is still the same.
 */
static __always_inline bool is_behind(struct file *file, __u64 object)
{
	return (__u64)BPF_CORE_READ(file, private_data) == object || (__u64)BPF_CORE_READ(file, f_path.mnt) == object;
}

static __always_inline bool is_alive(struct file *file, __u64 object)
{
	/* file_ref_t since 6.13: one less than the references, and negative when there are none */
	if (bpf_core_field_exists(file->f_ref)) {
		if ((__s64)BPF_CORE_READ(file, f_ref.refcnt.counter) < 0)
			return 0;
	} else if (BPF_CORE_READ((struct file___v6_12 *)file, f_count.counter) <= 0) {
		return 0;
	}
	return is_behind(file, object);
}

/*
 * Is the mount that has or had that id in the mount table of anybody? A mount that was freed is in no namespace until
 * its memory is used again, and then it has another id.
 */
static __always_inline bool is_attached(struct mount *mount, __u64 id)
{
	struct mnt_namespace *ns;

	if (!id || !bpf_core_field_exists(mount->mnt_id_unique) || BPF_CORE_READ(mount, mnt_id_unique) != id)
		return 0;
	ns = BPF_CORE_READ(mount, mnt_ns);
	return ns && mount_ns_id(ns);
}

/* args: how many of `asked_files` to look at. Run by BPF_PROG_TEST_RUN, since 5.10. */
SEC("raw_tp/keyhole_files_alive")
int files_alive(struct bpf_raw_tracepoint_args *ctx)
{
	__u64 count = ctx->args[0];

	for (__u32 i = 0; i < ASKED; i++) {
		__u32 key = i;
		struct asked *asked;

		if (i >= count)
			break;
		asked = bpf_map_lookup_elem(&asked_files, &key);
		if (!asked)
			break;
		asked->state = is_alive((struct file *)asked->file, asked->object) ? ASKED_ALIVE : 0;
		if (is_attached(mount_of((struct vfsmount *)asked->object), asked->mount))
			asked->state |= ASKED_ATTACHED;
	}
	return 0;
}

struct held {
	__u64 file;
	__u64 object;	/* the vfsmount that was wanted; 0 where the file itself was */
	__u32 pid;
	__u32 fd;
};

/* Is the file one on a mount that is wanted? It may have been opened through /proc/PID/fd, or below the mount. */
static __always_inline bool is_on_wanted(struct file *file, struct held *held)
{
	struct vfsmount *mnt = BPF_CORE_READ(file, f_path.mnt);
	struct mount *mount = mount_of(mnt);
	__u64 key = (__u64)mnt;
	struct wanted *wanted = bpf_map_lookup_elem(&wanted_files, &key);

	if (!wanted || !wanted->mount || !bpf_core_field_exists(mount->mnt_id_unique))
		return 0;
	if (BPF_CORE_READ(mount, mnt_id_unique) != wanted->mount)
		return 0;
	held->object = key;
	return 1;
}

/* One read of this iterator is every descriptor that is wanted, since 5.8. Who has one in flight is not among them. */
SEC("iter/task_file")
int holders(struct bpf_iter__task_file *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	__u64 key = (__u64)file;
	struct wanted *wanted;
	struct held held = {};

	if (!task || !file)
		return 0;
	wanted = bpf_map_lookup_elem(&wanted_files, &key);
	if (!(wanted && wanted->object && is_behind(file, wanted->object)) && !is_on_wanted(file, &held))
		return 0;
	held.file = key;
	held.pid = BPF_CORE_READ(task, tgid);
	held.fd = ctx->fd;
	bpf_seq_write(seq, &held, sizeof(held));
	return 0;
}

#endif
