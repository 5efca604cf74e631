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
#define OPEN_NAME 40

/* The state has a step for any name that it has no own one for. */
#define OPEN_ANY 0x100

/* `name` empty: any that has no step of its own. */
struct open_step {
	char name[OPEN_NAME];
	__u64 state;
};

struct open_state {
	__u32 state;
	__u32 access;	/* FMODE_READ and FMODE_WRITE, as far as a file whose path ends here is told; OPEN_ANY */
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

/* What `open_roots` has as access for any file system whose magic number comes to that index. Filled with it. */
__u8 open_filter[256] SEC(".data.filter");

static __always_inline __u32 filter_of(__u64 magic)
{
	return (magic ^ magic >> 8 ^ magic >> 16 ^ magic >> 24) & 255;
}

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
static __always_inline bool is_foreign(__u64 vfsmount)
{
	__u64 ns = (__u64)PEEK(struct mount, vfsmount - bpf_core_field_offset(struct mount, mnt), mnt_ns);

	if (ns == (__u64)HOT(CURRENT(), nsproxy, mnt_ns) || !ns || ns >= (__u64)-4095)
		return 0;
	return mount_ns_id((struct mnt_namespace *)ns) != 0;
}

static __always_inline bool is_own(struct pid *pid)
{
	struct task_struct *task = CURRENT();

	return pid && (pid == HOT(task, thread_pid) || pid == HOT(task, group_leader, thread_pid));
}

/*
 * Is the process another one, which may be in another container than the caller? A yes may be wrong, as of one in a mount
 * namespace and a cgroup that it made itself; a no is not. One that has ended shows nothing. See add_string().
 */
__attribute__((noinline)) __u32 is_of_others(__u64 address)
{
	struct pid *pid = (struct pid *)address;
	struct task_struct *task, *other;
	struct nsproxy *own, *nsproxy;
	struct pid_namespace *pids;
	struct mnt_namespace *mnt;

	task = (struct task_struct *)bpf_get_current_task();
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

static __always_inline void copy_name(struct open_step *step, __u64 dentry)
{
#ifdef KEYHOLE_CAST
	__u64 name = (__u64)PEEK(struct dentry, dentry, d_name.name);
	__u32 length = PEEK(struct dentry, dentry, d_name.len);

	/* the catalogue has no such name: any other one */
	if (length >= OPEN_NAME)
		return;
	for (__u32 i = 0; i < OPEN_NAME; i += 8) {
		__u64 word = 0;

		if (length > i)
			word = peek_word(name + i);
		if (length < i + 8)
			word &= (1ULL << (length - i & 7) * 8) - 1;
		*(__u64 *)(step->name + i) = word;
	}
#else
	bpf_probe_read_kernel_str(step->name, sizeof(step->name), BPF_CORE_READ((struct dentry *)dentry, d_name.name));
#endif
}

/* Goes from a state over a name; false where no path of the catalogue goes on so. */
static __always_inline bool take_step(struct open_state *at, struct open_step *step, __u64 dentry)
{
	bool has_default = at->access & OPEN_ANY;
	struct open_state *next;

	__builtin_memset(step, 0, sizeof(*step));
	step->state = at->state;
	copy_name(step, dentry);
	next = bpf_map_lookup_elem(&open_states, step);
	if (!next && has_default) {
		__builtin_memset(step->name, 0, sizeof(step->name));
		next = bpf_map_lookup_elem(&open_states, step);
	}
	if (!next)
		return 0;
	*at = *next;
	return 1;
}

static __always_inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The dentries from the root of a file system (not among them) down to a file; 0 in front where there are fewer. */
struct open_walk {
	volatile __u64 above[OPEN_DEPTH];
	volatile __u64 pid;	/* the struct pid of the process whose directory of procfs it is in; 0 for none */
};

#ifdef KEYHOLE_CAST
/* What is read from a map is a number to the verifier, which would follow each depth by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct open_walk);
} open_walks SEC(".maps");
#else
/* Unknown to the verifier, for the same reason. */
__u64 no_dentry SEC(".data.opens");
#endif

/* Has the catalogue the file, opened for what `mode` says? A yes may be wrong, a no is not. */
static __always_inline bool is_entry(__u64 dentry, __u64 inode, struct open_state at, __u32 mode)
{
	struct open_step step;
	bool skip = 0;
#ifdef KEYHOLE_CAST
	__u32 zero = 0;
	struct open_walk *walk = bpf_map_lookup_elem(&open_walks, &zero);

	if (!walk)
		return 0;
	__builtin_memset(walk, 0, sizeof(*walk));
#else
	struct open_walk stack, *walk = &stack;
	__u64 nothing = no_dentry;

	for (int i = 0; i < OPEN_DEPTH; i++)
		walk->above[i] = nothing;
#endif

	if (at.state == OPEN_PROC) {
		walk->pid = (__u64)pid_of_inode(inode);
		if (walk->pid) {
			if (!is_of_others(walk->pid))
				return 0;
			at.state = OPEN_PROCESS;
			skip = 1;
		}
	}
	at.access &= OPEN_ANY;
	/* the last of them is the file itself */
#pragma unroll
	for (int i = OPEN_DEPTH - 1; i >= 0; i--) {
		__u64 parent = (__u64)PEEK(struct dentry, dentry, d_parent);

		if (parent == dentry)
			break;
		walk->above[i] = dentry;
		dentry = parent;
	}
	/* deeper than can be told here: user space sees the whole path */
	if (walk->above[0])
		return 1;
#pragma unroll
	for (int i = 1; i < OPEN_DEPTH; i++) {
		__u64 name = walk->above[i];

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
		walk->pid = (__u64)pid_of_inode((__u64)PEEK(struct dentry, name, d_inode));
		if (!walk->pid || !is_of_others(walk->pid))
			return 0;
		at.state = OPEN_PROCESS;
		at.access = OPEN_ANY;
	}
	return at.access & mode && (PEEK(struct inode, inode, i_mode) & S_IFMT) != S_IFDIR;
}

static __always_inline bool is_runtime_binary(__u64 sb, __u64 inode)
{
	struct binary key = { .inode = PEEK(struct inode, inode, i_ino), .dev = PEEK(struct super_block, sb, s_dev) };

	return bpf_map_lookup_elem(&runtime_binaries, &key) != 0;
}

/* Why the open of a file by the current task is told (enum kh_opened_why); 0: it is not. See add_string(). */
__attribute__((noinline)) __u32 examine(__u64 file)
{
	__u64 inode = (__u64)PEEK(struct file, file, f_inode);
	__u64 sb = (__u64)PEEK(struct inode, inode, i_sb);
	__u64 magic = PEEK(struct super_block, sb, s_magic);
	__u32 mode = PEEK(struct file, file, f_mode);
	struct open_state *root = 0;
	__u32 why = 0;

	if (is_foreign((__u64)PEEK(struct file, file, f_path.mnt)))
		why |= KH_OPENED_FOREIGN;
	/* its own, as /proc/self/stat: what programs open most of all there */
	if (magic == PROC_SUPER_MAGIC && is_own(pid_of_inode(inode)))
		return why;
	if (open_filter[filter_of(magic)] & mode)
		root = bpf_map_lookup_elem(&open_roots, &magic);
	if (!root) {
		if (mode & FMODE_WRITE && is_runtime_binary(sb, inode))
			why |= KH_OPENED_RUNTIME;
	} else if (root->access & mode &&
		   is_entry((__u64)PEEK(struct file, file, f_path.dentry), inode, *root, mode)) {
		why |= KH_OPENED_ENTRY;
	}
	return why;
}

/* The file that a call which returned has opened, where it is told; `why` is not changed where it is not. */
static __always_inline struct file *opened_by(struct task_struct *task, long ret, __u32 *why)
{
	__u64 file;

	if (ret < 0 || !is_elsewhere(task) || ret >= HOT(task, files, fdt, max_fds))
		return 0;
	/* lockless, as any observer is: another thread may put a new file there */
	file = peek_word((__u64)(HOT(task, files, fdt, fd) + ret));
	if (file)
		*why = examine(file);
	return (struct file *)file;
}

#endif
