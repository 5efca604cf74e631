/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every mount of nsfs, in whatever mount namespace: the agent gives a descriptor of a namespace file of its own, whose
 * superblock heads the kernel's list of its mounts (mnt_add_instance(), fs/namespace.c). No path is touched.
 * Run by BPF_PROG_TEST_RUN, since 5.10.
 */
#ifndef KEYHOLE_NS_MOUNTS_H
#define KEYHOLE_NS_MOUNTS_H

#include "fd.h"
#include "nsfs.h"

/* How many mounts a run looks at, and how full the record may be before the last of them. */
#define NS_MOUNTS 64
#define ENOUGH (8 * 1024)

enum ns_mounts_state {
	NS_MOUNTS_END = 0,
	NS_MOUNTS_MORE = 1,
	NS_MOUNTS_TORN = 2,	/* the list changed under the reader */
};

/* What stands at the start of the record. */
struct ns_mounts {
	__u32 length;
	__u32 state;
	__u64 next;
};

static __always_inline struct mount *first_of(struct super_block *sb)
{
	struct list_head *first;

	if (bpf_core_field_exists(((struct mount *)0)->mnt_next_for_sb))
		return BPF_CORE_READ(sb, s_mounts);
	first = BPF_CORE_READ((struct super_block___v6_17 *)sb, s_mounts.next);
	return (void *)first - bpf_core_field_offset(struct mount___v6_17, mnt_instance);
}

static __always_inline struct mount *next_of(struct mount *mount)
{
	struct list_head *next;

	if (bpf_core_field_exists(mount->mnt_next_for_sb))
		return BPF_CORE_READ(mount, mnt_next_for_sb);
	next = BPF_CORE_READ((struct mount___v6_17 *)mount, mnt_instance.next);
	return (void *)next - bpf_core_field_offset(struct mount___v6_17, mnt_instance);
}

/* The list of before 6.18 is a ring that its head is part of. */
static __always_inline bool is_end(struct super_block *sb, struct mount *mount)
{
	if (bpf_core_field_exists(mount->mnt_next_for_sb))
		return !mount;
	return (void *)mount + bpf_core_field_offset(struct mount___v6_17, mnt_instance) ==
	       (void *)sb + bpf_core_field_offset(struct super_block___v6_17, s_mounts);
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

/* args: a descriptor of a namespace file, `next` of the run before or 0, and a number of this reading */
SEC("raw_tp/keyhole_ns_mounts")
int ns_mounts(struct bpf_raw_tracepoint_args *ctx)
{
	struct file *file = file_of((struct task_struct *)bpf_get_current_task(), ctx->args[0]);
	struct super_block *sb = BPF_CORE_READ(file, f_inode, i_sb);
	struct mount *mount = (void *)ctx->args[1];
	struct buffer *b = buffer_at(SLOT_INVENTORY);
	__u64 at = sizeof(struct ns_mounts);
	struct ns_mounts *head;

	if (!b)
		return 0;
	head = (struct ns_mounts *)b->bytes;
	head->state = NS_MOUNTS_MORE;
	begin_telling(ctx->args[2], ctx->args[1]);
	if (!mount)
		mount = first_of(sb);
	for (__u32 i = 0; i < NS_MOUNTS; i++) {
		if (is_end(sb, mount)) {
			head->state = NS_MOUNTS_END;
			break;
		}
		/* unlinked or freed meanwhile */
		if (BPF_CORE_READ(mount, mnt.mnt_sb) != sb) {
			head->state = NS_MOUNTS_TORN;
			break;
		}
		at = add_ns_mount(at, (__u64)mount);
		mount = next_of(mount);
		if (at > ENOUGH)
			break;
	}
	head->length = at;
	head->next = (__u64)mount;
	return 0;
}

#endif
