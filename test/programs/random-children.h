/* Random children: by clone(2) and clone3(2), sharing what they may, in whatever new namespaces. */
#pragma once

#include "random-calls.h"

#define SIGUSR1 10
#define SIGCHLD 17
#define WALL 0x40000000
#define FUTEX_WAIT 0
/* Calls of a child at most. */
#define CHILD_CALLS 12

static void run_child(void *argument)
{
	struct worker *w = argument;

	while (w->calls-- > 0)
		PICK(w, kinds)(w);
	call(NR_exit, 0, 0, 0, 0, 0);
}

/* The flags of a child. Whoever shares its parent's memory has a stack of its own and is waited for. */
static u32 child_flags(struct worker *w)
{
	static const u32 families[] = {
		0, 0, 0, CLONE_FILES, CLONE_FS, CLONE_VM | CLONE_VFORK, CLONE_VM, CLONE_PARENT,
		CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM,
		/* refused: each of these needs the one before it */
		CLONE_THREAD, CLONE_SIGHAND,
	};
	static const u32 writes[] = { CLONE_PARENT_SETTID, CLONE_CHILD_SETTID, CLONE_PIDFD, CLONE_SETTLS, CLONE_DETACHED };
	u32 flags = PICK(w, families);

	for (u32 more = below(w, 3); more > 0; more--)
		flags |= PICK(w, namespaces) & ~CLONE_NEWTIME;
	if (one_in(w, 6))
		flags |= PICK(w, writes);
	return flags;
}

/* The kernel makes the tid of a thread 0 when it has gone (CLONE_CHILD_CLEARTID). */
static void wait_for_thread(struct worker *w)
{
	for (u32 tid; (tid = w->tid);)
		call(NR_futex, (long)&w->tid, FUTEX_WAIT, tid, 0, 0);
}

static void prepare_child(struct worker *w, struct worker *child)
{
	child->seed = any64(w);
	child->calls = below(w, w->calls < CHILD_CALLS ? w->calls + 1 : CHILD_CALLS);
	child->share = child->calls;
	child->tid = 1;
}

/* Waits for a child, whatever it shares. What it did is done. */
static void join(struct worker *w, struct worker *child, long pid, u32 flags)
{
	if (pid < 0)
		return;
	w->calls -= child->share;
	if (flags & CLONE_THREAD)
		wait_for_thread(child);
	else
		call(NR_wait4, pid, 0, WALL, 0, 0);
}

static void random_clone(struct worker *w, struct worker *child)
{
	static const u32 signals[] = { SIGCHLD, SIGCHLD, SIGCHLD, 0, SIGUSR1, 34, 64, 65, 200 };
	u32 flags = child_flags(w);
	long stack = flags & CLONE_VM ? (long)(child->stack + sizeof(child->stack)) : 0;
	long parent_tid = one_in(w, 8) ? bad_pointer(w) : (long)w->memory[2];
	long child_tid = one_in(w, 8) ? bad_pointer(w) : (long)w->memory[3];
	long tls = one_in(w, 2) ? 0 : (long)w->memory[4], pid;
	struct task task = { run_child, child };

	if (flags & CLONE_THREAD) {
		flags |= CLONE_CHILD_CLEARTID;
		child_tid = (long)&child->tid;
	}
	flags |= PICK(w, signals);
	prepare_child(w, child);
#if WIDE
	/* the upper half means nothing to clone(2) */
	pid = spawn(NR_clone, (one_in(w, 24) ? (u64)any(w) << 32 : 0) | flags, stack, parent_tid, child_tid, tls, &task);
#else
	pid = spawn(NR_clone, flags, stack, parent_tid, tls, child_tid, &task);
#endif
	join(w, child, pid, flags);
}

/* struct clone_args */
struct clone_args {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

static void random_clone3(struct worker *w, struct worker *child)
{
	static const u32 sizes[] = { 0, 8, 63, 64, 72, 80, 88, 88, 88, 88, 88, 96, 104, PAGE, PAGE + 1 };
	static const u64 signals[] = { SIGCHLD, SIGCHLD, SIGCHLD, SIGCHLD, 0, SIGUSR1, 64, 65, 255, 0x100000011ULL };
	struct clone_args *args = (struct clone_args *)w->memory[0];
	long at = (long)args, size = PICK(w, sizes), pid;
	struct task task = { run_child, child };

	memset(args, 0, sizeof(w->memory[0]));
	args->flags = child_flags(w);
	args->exit_signal = args->flags & CLONE_THREAD ? 0 : PICK(w, signals);
	if (one_in(w, 6))
		args->flags |= CLONE_NEWTIME;
	if (one_in(w, 16))
		args->flags |= 1ULL << (32 + below(w, 32));
	if (args->flags & CLONE_VM || one_in(w, 8)) {
		args->stack = (long)child->stack;
		args->stack_size = sizeof(child->stack);
	}
	if (one_in(w, 20))
		args->stack_size ^= PAGE;
	args->parent_tid = one_in(w, 8) ? bad_pointer(w) : (long)w->memory[2];
	args->child_tid = one_in(w, 8) ? bad_pointer(w) : (long)w->memory[3];
	args->pidfd = one_in(w, 8) ? bad_pointer(w) : (long)w->memory[4];
	if (args->flags & CLONE_THREAD) {
		args->flags |= CLONE_CHILD_CLEARTID;
		args->child_tid = (long)&child->tid;
	}
	if (one_in(w, 10)) {
		u32 *pids = (u32 *)w->memory[1];

		pids[0] = 2 + below(w, 300);
		pids[1] = 2 + below(w, 300);
		args->set_tid = one_in(w, 8) ? (u64)bad_pointer(w) : (u64)(long)pids;
		args->set_tid_size = one_in(w, 8) ? below(w, 40) : 1;
	}
	if (one_in(w, 10)) {
		args->flags |= 0x200000000ULL;	/* CLONE_INTO_CGROUP */
		args->cgroup = one_in(w, 4) ? any64(w) : (u32)descriptor(w, 0, PLACES);
	}
	if (one_in(w, 10))
		w->memory[0][sizeof(*args) + below(w, 24)] = 1;
	/* A stack whose size is cut off would be none. */
	if (args->flags & CLONE_VM && size >= 64 && size < 88)
		size = 88;
	if (one_in(w, 40))
		size = (long)any64(w);
	if (one_in(w, 20))
		at = bad_pointer(w);
	prepare_child(w, child);
	pid = spawn(NR_clone3, at, size, 0, 0, 0, &task);
	join(w, child, pid, args->flags);
}
