/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which opens are told: those by tasks of containers of a file that the catalogue has, of one on a mount that is in
 * somebody else's mount namespace, or of a container runtime's program for writing. What a file is decides, and not the
 * path that it was opened by: superblock, and names up to the root of the file system, which nobody can change in those
 * that the catalogue is about.
 *
 * A node opens files all the time: what is decided by few loads comes first.
 */
#ifndef KEYHOLE_OPENS_H
#define KEYHOLE_OPENS_H

#include "opened.h"
#include "record.h"

/* Inode numbers. */
const volatile __u32 host_mnt_ns;
const volatile __u32 host_pid_ns;

/* The states of `open_states` that are known here. */
enum open_known_state {
	OPEN_PROC = 1,		/* at the root of a procfs */
	OPEN_PROCESS = 2,	/* in the directory of a process */
};

/* Longer than any name of the catalogue. */
#define OPEN_NAME 44

/* `name` empty: any that has no transition of its own. */
struct open_step {
	__u32 state;
	char name[OPEN_NAME];
};

struct open_state {
	__u32 state;
	__u32 access;	/* FMODE_READ and FMODE_WRITE, as far as a file whose path ends here is told */
};

/*
 * By the magic number of a file system: the state at its root, and as access what any file in it is told for. Filled by
 * user space, last of all.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32);
	__type(key, __u64);
	__type(value, struct open_state);
} open_roots SEC(".maps");

/* The paths of the catalogue as an automaton that reads the names from the root down. Filled by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct open_step);
	__type(value, struct open_state);
} open_states SEC(".maps");

struct binary {
	__u64 inode;
	__u32 dev;	/* the kernel's dev_t */
	__u32 reserved;
};

/* Programs of container runtimes on the host. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, struct binary);
	__type(value, __u8);
} runtime_binaries SEC(".maps");

/* Deeper than any path of the catalogue that does not end in a wildcard for any names. */
#define OPEN_DEPTH 12

/*
 * May the task be one of a container? It may be in the cgroup of one as well, and in namespaces that are the host's: user
 * space knows. The pid namespace for children is not the host's either where that of the task itself is not: nobody can
 * go up again (pidns_install()).
 */
static __always_inline bool is_elsewhere(struct task_struct *task)
{
	return HOT(task, nsproxy, mnt_ns, ns.inum) != host_mnt_ns ||
	       HOT(task, nsproxy, pid_ns_for_children, ns.inum) != host_pid_ns;
}

/*
 * Is the mount in a mount namespace that is not the caller's? Not those of the kernel itself, such as that of pipes
 * (MNT_NS_INTERNAL), nor those that are detached, which the caller may have made itself.
 */
static __always_inline bool is_foreign(struct task_struct *task, struct mount *mount)
{
	struct mnt_namespace *ns = BPF_CORE_READ(mount, mnt_ns);

	if (ns == HOT(task, nsproxy, mnt_ns) || !ns || (__u64)ns >= (__u64)-4095)
		return 0;
	return mount_ns_id(ns) != 0;
}

/*
 * Is the process another one, which may be in another container than the caller? A yes may be wrong, as of one in a mount
 * namespace and a cgroup that it made itself; a no is not. One that has ended shows nothing. See add_string().
 */
__attribute__((noinline)) __u32 is_of_others(__u64 address)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task(), *other;
	struct pid *pid = (struct pid *)address;
	struct nsproxy *own, *nsproxy;
	struct pid_namespace *pids;
	struct mnt_namespace *mnt;

	if (pid == READ(task, thread_pid) || pid == READ(task, group_leader, thread_pid))
		return 0;
	other = task_of_pid(pid);
	if (!other || READ(other, tgid) == READ(task, tgid))
		return 0;
	own = READ(task, nsproxy);
	nsproxy = READ(other, nsproxy);
	mnt = READ(nsproxy, mnt_ns);
	pids = READ(nsproxy, pid_ns_for_children);
	if (READ(mnt, ns.inum) == host_mnt_ns && READ(pids, ns.inum) == host_pid_ns)
		return 1;
	if (mnt == READ(own, mnt_ns) && pids == READ(own, pid_ns_for_children))
		return 0;
	return READ(other, cgroups) != READ(task, cgroups);
}

/* Goes from a state over a name; 0 where no path of the catalogue goes on so. */
static __always_inline bool take_step(struct open_state *at, struct open_step *step, struct dentry *dentry)
{
	struct open_state *next;

	__builtin_memset(step, 0, sizeof(*step));
	step->state = at->state;
	bpf_probe_read_kernel_str(step->name, sizeof(step->name), BPF_CORE_READ(dentry, d_name.name));
	next = bpf_map_lookup_elem(&open_states, step);
	if (!next) {
		char first = step->name[0];

		__builtin_memset(step->name, 0, sizeof(step->name));
		next = bpf_map_lookup_elem(&open_states, step);
		step->name[0] = first;
		if (!next)
			return 0;
	}
	*at = *next;
	return 1;
}

static __always_inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Unknown to the verifier, which would follow each number of names by itself. */
__u64 no_dentry SEC(".data.opens");

/* Has the catalogue the file, opened for what `mode` says? A yes may be wrong, a no is not. */
static __always_inline bool is_entry(struct dentry *dentry, struct inode *inode, struct open_state at, __u32 mode)
{
	__u64 above[OPEN_DEPTH], nothing = no_dentry;
	struct open_step step;
	struct pid *pid = 0;
	bool skip = 0;

	at.access = 0;
	if (at.state == OPEN_PROC) {
		pid = pid_of_inode(inode);
		if (pid) {
			if (!is_of_others((__u64)pid))
				return 0;
			at.state = OPEN_PROCESS;
			skip = 1;
		}
	}
	for (int i = 0; i < OPEN_DEPTH; i++)
		above[i] = nothing;
	/* the last of them is the file itself */
#pragma unroll
	for (int i = OPEN_DEPTH - 1; i >= 0; i--) {
		struct dentry *parent = BPF_CORE_READ(dentry, d_parent);

		if (parent == dentry)
			break;
		above[i] = (__u64)dentry;
		dentry = parent;
	}
	/* deeper than can be told here: user space sees the whole path */
	if (above[0])
		return 1;
#pragma unroll
	for (int i = 1; i < OPEN_DEPTH; i++) {
		struct dentry *name = (struct dentry *)above[i];

		if (!name)
			continue;
		if (skip) {
			skip = 0;
			continue;
		}
		if (take_step(&at, &step, name))
			continue;
		/* the files below /proc/PID/net are of no process themselves */
		if (at.state != OPEN_PROC || !is_digit(step.name[0]))
			return 0;
		pid = pid_of_inode(BPF_CORE_READ(name, d_inode));
		if (!pid || !is_of_others((__u64)pid))
			return 0;
		at.state = OPEN_PROCESS;
		at.access = 0;
	}
	return at.access & mode && (BPF_CORE_READ(inode, i_mode) & S_IFMT) != S_IFDIR;
}

static __always_inline bool is_runtime_binary(struct super_block *sb, struct inode *inode)
{
	struct binary key = { .inode = BPF_CORE_READ(inode, i_ino), .dev = BPF_CORE_READ(sb, s_dev) };

	return bpf_map_lookup_elem(&runtime_binaries, &key) != 0;
}

/* Why the open of a file by the current task is told (enum kh_opened_why); 0: it is not. See add_string(). */
__attribute__((noinline)) __u32 examine(__u64 opened)
{
	struct file *file = (struct file *)opened;
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	struct super_block *sb = BPF_CORE_READ(inode, i_sb);
	__u64 magic = BPF_CORE_READ(sb, s_magic);
	__u32 mode = BPF_CORE_READ(file, f_mode);
	struct open_state *root;
	struct path path;
	__u32 why = 0;

	BPF_CORE_READ_INTO(&path, file, f_path);
	if (is_foreign(CURRENT(), mount_of(path.mnt)))
		why |= KH_OPENED_FOREIGN;
	root = bpf_map_lookup_elem(&open_roots, &magic);
	if (!root) {
		if (mode & FMODE_WRITE && is_runtime_binary(sb, inode))
			why |= KH_OPENED_RUNTIME;
	} else if (root->access & mode && is_entry(path.dentry, inode, *root, mode)) {
		why |= KH_OPENED_ENTRY;
	}
	return why;
}

/* The file that a call which returned has opened, where it is told; `why` is not changed where it is not. */
static __always_inline struct file *opened_by(struct task_struct *task, long ret, __u32 *why)
{
	struct file **files, *file = 0;

	if (ret < 0 || !is_elsewhere(task) || ret >= HOT(task, files, fdt, max_fds))
		return 0;
	files = HOT(task, files, fdt, fd);
	/* lockless, as any observer is: another thread may put a new file there */
	bpf_probe_read_kernel(&file, sizeof(file), files + ret);
	if (file)
		*why = examine((__u64)file);
	return file;
}

#endif
