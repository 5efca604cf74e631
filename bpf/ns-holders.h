/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What holds namespaces that may have neither process nor descriptor, found along lists of the kernel, so that no path
 * of any container is touched. Run by BPF_PROG_TEST_RUN, since 5.10.
 */
#ifndef KEYHOLE_NS_HOLDERS_H
#define KEYHOLE_NS_HOLDERS_H

#include "fd.h"
#include "nsfs.h"
#include "superblocks.h"

/* How many entries of its list a run looks at, and how full the record may be before the last of them. */
#define ENTRIES 64
#define ENOUGH (8 * 1024)

enum holders_state {
	HOLDERS_END = 0,
	HOLDERS_MORE = 1,
	HOLDERS_TORN = 2,	/* the list changed under the reader */
};

/* What stands at the start of the record, before its fields. */
struct ns_holders {
	__u32 length;
	__u32 state;
	__u64 next;
};

/*
 * The list of before 6.18 is a ring that its head is part of: the mount behind `node`, NULL for the head. What follows is
 * not inlined: in a loop, offsets would be asked for that the running kernel lacks.
 */
static __attribute__((noinline)) struct mount *mount_in_ring(struct super_block *sb, struct list_head *node)
{
	if ((void *)node == (void *)sb + bpf_core_field_offset(struct super_block___v6_17, s_mounts))
		return 0;
	return (void *)node - bpf_core_field_offset(struct mount___v6_17, mnt_instance);
}

static __attribute__((noinline)) struct mount *next_in_ring(struct super_block *sb, struct mount *mount)
{
	return mount_in_ring(sb, BPF_CORE_READ((struct mount___v6_17 *)mount, mnt_instance.next));
}

static __attribute__((noinline)) struct mount *next_in_list(struct mount *mount)
{
	return BPF_CORE_READ(mount, mnt_next_for_sb);
}

static __always_inline struct mount *first_of(struct super_block *sb)
{
	if (bpf_core_field_exists(((struct mount *)0)->mnt_next_for_sb))
		return BPF_CORE_READ(sb, s_mounts);
	return mount_in_ring(sb, BPF_CORE_READ((struct super_block___v6_17 *)sb, s_mounts.next));
}

static __always_inline struct mount *next_of(struct super_block *sb, struct mount *mount)
{
	if (bpf_core_field_exists(mount->mnt_next_for_sb))
		return next_in_list(mount);
	return next_in_ring(sb, mount);
}

/* The namespace that a mount shows, and what it is unless that is told. See add_string(). */
__attribute__((noinline)) __u64 add_ns_mount(__u64 at, __u64 address)
{
	struct buffer *b = buffer_at(SLOT_INVENTORY);
	struct mount *mount = (void *)address;
	struct kh_ns_mount *out;
	struct mnt_namespace *in;
	__u32 type = 0;
	void *ns;

	ns = nsfs_object(BPF_CORE_READ(mount, mnt.mnt_root, d_inode), &type);
	if (!b || !ns)
		return at;
	out = add_struct(b, &at, KH_FIELD_NS_MOUNT, sizeof(*out));
	if (!out)
		return at;
	out->id = id_of_ns(type, ns);
	out->type = type;
	out->inum = BPF_CORE_READ((struct ns_common *)(ns + offset_of_ns(type)), inum);
	out->mount = BPF_CORE_READ(mount, mnt_id);
	in = BPF_CORE_READ(mount, mnt_ns);
	if (mount_ns_id(in))
		out->ns = BPF_CORE_READ(in, ns.inum);
	return add_with_owner(at, type, (__u64)ns);
}

static __always_inline void begin_list(struct bpf_raw_tracepoint_args *ctx)
{
	/* no session of an iterator has that bit */
	begin_telling(ctx->args[2] | 1ULL << 63, ctx->args[1]);
}

/*
 * Every mount of a namespace file, in whatever mount namespace: the superblock of nsfs heads the list of its mounts
 * (mnt_add_instance(), fs/namespace.c).
 * args: a descriptor of a namespace file, `next` of the run before or 0, and a number of this reading
 */
SEC("raw_tp/keyhole_ns_mounts")
int ns_mounts(struct bpf_raw_tracepoint_args *ctx)
{
	struct file *file = file_of((struct task_struct *)bpf_get_current_task(), ctx->args[0]);
	struct super_block *sb = BPF_CORE_READ(file, f_inode, i_sb);
	struct mount *mount = (void *)ctx->args[1];
	struct buffer *b = buffer_at(SLOT_INVENTORY);
	__u64 at = sizeof(struct ns_holders);
	struct ns_holders *head;

	if (!b)
		return 0;
	head = (struct ns_holders *)b->bytes;
	head->state = HOLDERS_END;
	begin_list(ctx);
	if (!mount)
		mount = first_of(sb);
	for (__u32 i = 0; i < ENTRIES; i++) {
		if (!mount)
			break;
		/* unlinked or freed meanwhile */
		if (BPF_CORE_READ(mount, mnt.mnt_sb) != sb) {
			head->state = HOLDERS_TORN;
			break;
		}
		at = add_ns_mount(at, (__u64)mount);
		mount = next_of(sb, mount);
		if (at > ENOUGH)
			break;
	}
	if (mount && head->state == HOLDERS_END)
		head->state = HOLDERS_MORE;
	head->length = at;
	head->next = (__u64)mount;
	return 0;
}

/*
 * The pid namespaces that procfs superblocks show, and all above them.
 * args: a descriptor of a procfs file, `next` of the run before or 0, and a number of this reading
 */
SEC("raw_tp/keyhole_procfs_namespaces")
int procfs_namespaces(struct bpf_raw_tracepoint_args *ctx)
{
	struct file *file = file_of((struct task_struct *)bpf_get_current_task(), ctx->args[0]);
	struct file_system_type *type = BPF_CORE_READ(file, f_inode, i_sb, s_type);
	struct hlist_node *node = (void *)ctx->args[1];
	struct buffer *b = buffer_at(SLOT_INVENTORY);
	__u64 at = sizeof(struct ns_holders);
	struct ns_holders *head;

	if (!b)
		return 0;
	head = (struct ns_holders *)b->bytes;
	head->state = HOLDERS_END;
	begin_list(ctx);
	if (!node)
		node = BPF_CORE_READ(type, fs_supers.first);
	for (__u32 i = 0; i < ENTRIES; i++) {
		struct super_block *sb;
		struct proc_fs_info *info;

		if (!node)
			break;
		sb = procfs_behind(node, type);
		if (!sb) {
			head->state = HOLDERS_TORN;
			break;
		}
		info = BPF_CORE_READ(sb, s_fs_info);
		at = add_pid_namespaces(at, (__u64)BPF_CORE_READ(info, pid_ns));
		node = BPF_CORE_READ(node, next);
		if (at > ENOUGH)
			break;
	}
	if (node && head->state == HOLDERS_END)
		head->state = HOLDERS_MORE;
	head->length = at;
	head->next = (__u64)node;
	return 0;
}

#endif
