/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The few kernel types that are read, each cut down to the members in use and
 * placed by CO-RE when the object is loaded. A member that some kernel since
 * 5.8 lacks says so; it is read behind bpf_core_field_exists().
 */
#ifndef KEYHOLE_KERNEL_H
#define KEYHOLE_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PROG_ARRAY = 3,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
};

enum {
	BPF_RB_AVAIL_DATA = 0,
};

enum {
	BPF_F_MMAPABLE = 1 << 10,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r10, r9, r8, ax, cx, dx, si, di, orig_ax, bx, bp;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
};
struct pt_regs {
	__u64 regs[31];
	__u64 orig_x0;
	__s32 syscallno;
};
#endif

struct thread_info {
	unsigned long flags;
#if defined(__TARGET_ARCH_x86)
	__u32 status;
#endif
};

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__u32 val;
} kuid_t;

typedef struct {
	__u32 val;
} kgid_t;

struct proc_ns_operations {
	int type;		/* CLONE_NEW*, until 6.17 */
};

struct ns_common {
	__u32 ns_type;		/* CLONE_NEW*, since 6.18 */
	__u64 ns_id;		/* since 6.18 */
	const struct proc_ns_operations *ops;
	unsigned int inum;
};

struct user_namespace {
	struct user_namespace *parent;
	int level;
	kuid_t owner;
	struct ns_common ns;
};

struct pid_namespace {
	unsigned int level;
	struct pid_namespace *parent;
	struct user_namespace *user_ns;
	struct ns_common ns;
};

struct rb_node {
	unsigned long __rb_parent_color;
	struct rb_node *rb_right;
	struct rb_node *rb_left;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct list_head {
	struct list_head *next;
	struct list_head *prev;
};

struct mnt_namespace {
	struct ns_common ns;
	struct mount *root;
	struct user_namespace *user_ns;
	__u64 event;		/* of all mount namespaces the number of this one's last change */
	__u64 seq;		/* what NS_GET_MNTNS_ID gives from 6.11 to 6.17; gone since */
	struct rb_node *mnt_last_node;	/* since 6.14 */
	unsigned int nr_mounts;	/* since 6.8 */
	bool is_anon;		/* 7.2 has it, 6.18 has not */
};

struct mnt_namespace___v6_8 {
	struct rb_root mounts;	/* by mnt_id_unique, since 6.8 */
};

struct mnt_namespace___v6_7 {
	struct list_head list;	/* in the order in which they were attached, until 6.7 */
	unsigned int mounts;	/* their number */
};

struct uts_namespace {
	struct user_namespace *user_ns;
	struct ns_common ns;
};

struct ipc_namespace {
	struct user_namespace *user_ns;
	struct ns_common ns;
};

struct net {
	struct user_namespace *user_ns;
	struct ns_common ns;
};

struct cgroup_namespace {
	struct user_namespace *user_ns;
	struct ns_common ns;
};

struct time_namespace {
	struct user_namespace *user_ns;
	struct ns_common ns;
};

struct nsproxy {
	struct uts_namespace *uts_ns;
	struct ipc_namespace *ipc_ns;
	struct mnt_namespace *mnt_ns;
	struct pid_namespace *pid_ns_for_children;
	struct net *net_ns;
	struct time_namespace *time_ns;			/* since 5.6 */
	struct time_namespace *time_ns_for_children;	/* since 5.6 */
	struct cgroup_namespace *cgroup_ns;
};

struct cred {
	kuid_t euid;
	kgid_t egid;
	struct user_namespace *user_ns;
};

struct upid {
	int nr;
	struct pid_namespace *ns;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

enum pid_type {
	PIDTYPE_PID,
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[1];
	struct upid numbers[1];
};

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct dentry {
	struct dentry *d_parent;
	struct inode *d_inode;
	struct qstr d_name;
	struct super_block *d_sb;
};

struct file_system_type {
	const char *name;
	struct hlist_head fs_supers;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_flags;
	unsigned long s_magic;
	struct file_system_type *s_type;
	void *s_fs_info;
	struct user_namespace *s_user_ns;
	struct hlist_node s_instances;
	struct mount *s_mounts;		/* since 6.18 */
};

struct super_block___v6_17 {
	struct list_head s_mounts;
};

enum proc_hidepid {
	HIDEPID_OFF = 0,
};

enum proc_pidonly {
	PROC_PIDONLY_OFF = 0,
};

struct proc_fs_info {
	struct pid_namespace *pid_ns;
	kgid_t pid_gid;
	enum proc_hidepid hide_pid;
	enum proc_pidonly pidonly;
};

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
	int mnt_flags;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
	int mnt_id;
	__u64 mnt_id_unique;	/* since 6.8 */
	struct rb_node mnt_node;	/* since 6.8 */
	struct list_head mnt_list;
	struct mount *mnt_next_for_sb;	/* since 6.18 */
};

struct mount___v6_17 {
	struct list_head mnt_instance;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct inode {
	unsigned short i_mode;
	unsigned long i_ino;
	struct super_block *i_sb;
	void *i_private;
};

struct proc_inode {
	struct pid *pid;
	struct inode vfs_inode;
};

typedef struct {
	__s64 counter;
} atomic64_t;

typedef struct {
	atomic64_t refcnt;
} file_ref_t;

struct file {
	unsigned int f_mode;
	struct path f_path;
	struct inode *f_inode;
	void *private_data;
	file_ref_t f_ref;	/* since 6.13 */
};

struct file___v6_12 {
	atomic64_t f_count;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	possible_net_t skc_net;
};

struct sock {
	struct sock_common __sk_common;
};

struct socket {
	struct sock *sk;
};

enum fs_context_purpose {
	FS_CONTEXT_FOR_MOUNT,
};

enum fs_context_phase {
	FS_CONTEXT_CREATE_PARAMS,
};

struct fs_context {
	struct file_system_type *fs_type;
	struct dentry *root;
	struct user_namespace *user_ns;
	enum fs_context_purpose purpose : 8;
	enum fs_context_phase phase : 8;
};

enum fs_value_type {
	fs_value_is_string = 2,
	fs_value_is_blob = 3,
	fs_value_is_filename = 4,
};

struct filename {
	const char *name;
};

/* What fsconfig(2), and the parsers of mount(2), hand to a file system. */
struct fs_parameter {
	const char *key;
	enum fs_value_type type : 8;
	union {
		char *string;
		void *blob;
		struct filename *name;
	};
	unsigned long size;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct fs_struct {
	struct path root;
	struct path pwd;
};

struct mm_struct {
	atomic_t mm_users;
	struct file *exe_file;
};

struct kernfs_node {
	struct kernfs_node *__parent;	/* since 6.15 */
	__u64 id;
};

struct kernfs_node___v6_14 {
	struct kernfs_node *parent;	/* until 6.14 */
};

struct cgroup {
	struct kernfs_node *kn;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

enum cgroup_subsys_id {
	memory_cgrp_id = 4,
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
	struct cgroup *dfl_cgrp;
};

typedef struct {
	unsigned long sig[1];
} sigset_t;

struct sigpending {
	sigset_t signal;
};

struct signal_struct {
	int group_exit_code;
	unsigned int flags;
};

struct task_struct {
	struct thread_info thread_info;
	void *stack;
	int exit_code;
	unsigned int flags;
	struct mm_struct *mm;
	int pid;
	int tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct hlist_node pid_links[1];
	__u64 start_boottime;		/* since 5.5 */
	const struct cred *real_cred;
	char comm[16];
	struct fs_struct *fs;
	struct files_struct *files;
	struct nsproxy *nsproxy;
	struct signal_struct *signal;
	struct sigpending pending;
	struct css_set *cgroups;
};

struct linux_binprm;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop

/* include/uapi/linux/bpf.h: laid out the same on every kernel */
struct bpf_raw_tracepoint_args {
	__u64 args[0];
};

/* the helpers that some kernel since 5.8 lacks */
enum bpf_func_id___helpers {
	BPF_FUNC_task_pt_regs = 175,	/* since 5.15 */
	BPF_FUNC_get_func_ret = 184,	/* since 5.17 */
};

#define PF_KTHREAD 0x00200000
#define PF_IO_WORKER 0x00000010	/* since 5.12 */
#define FMODE_READ 1
#define FMODE_WRITE 2
#define S_IFMT 0170000
#define S_IFDIR 0040000
#define SIGKILL 9
#define SIGSYS 31
#define SIGNAL_GROUP_EXIT 0x00000004	/* include/linux/sched/signal.h */
#define TS_COMPAT 0x0002	/* arch/x86/include/asm/thread_info.h */
#define TIF_32BIT 22		/* arch/arm64/include/asm/thread_info.h */
#define X32_SYSCALL_BIT 0x40000000

/* include/uapi/linux/magic.h */
#define NSFS_MAGIC 0x6e736673
#define PIDFS_MAGIC 0x50494446
#define ANON_INODE_MAGIC 0x09041934
#define PROC_SUPER_MAGIC 0x9fa0
#define SOCKFS_MAGIC 0x534f434b

#define CLONE_NEWTIME 0x00000080
#define CLONE_EMPTY_MNTNS 0x2000000000ULL	/* since 7.1 */
/* CLONE_NEW{NS,CGROUP,UTS,IPC,USER,PID,NET} */
#define CLONE_NEW_ALL 0x7e020000

#endif
