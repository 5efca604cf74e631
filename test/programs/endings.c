/*
 * Calls that do not simply return what the kernel made of them: refused, trapped, answered or killed by seccomp,
 * interrupted by a signal, killed while they wait; and calls of tasks that vfork(2), clone3(2) and the execve(2) of a
 * thread make. Usage as in cases.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "cases.h"

/* Since 5.19; not in the headers of every distribution. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define LISTEN SECCOMP_FILTER_FLAG_NEW_LISTENER

/* From here on call `nr` ends as `action` says in this thread. Returns the listener where `flags` ask for one. */
static int filter(unsigned int nr, unsigned int action, unsigned long flags)
{
	struct sock_filter instructions[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(instructions) / sizeof(instructions[0]), instructions };

	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	return MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

/* Waits for the end of a child, which is an exit with 0 or, where `signal` is one, that signal. */
static void reap(pid_t child, int signal)
{
	int status;

	MUST(waitpid(child, &status, __WALL));
	if (signal && WIFSIGNALED(status) && WTERMSIG(status) == signal)
		return;
	if (signal || !WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "a child ended with status 0x%x\n", status);
		exit(1);
	}
}

/* Runs `function` in a child that `signal` ends, or that exits with 0 where it is 0. */
static void in_child(void (*function)(void), int signal)
{
	pid_t child = MUST(fork());

	if (child == 0) {
		function();
		_exit(0);
	}
	reap(child, signal);
}

static pthread_t start_thread(void *(*function)(void *), void *argument)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, function, argument) != 0)
		exit(1);
	return thread;
}

static volatile sig_atomic_t handled;

static void count(int signal)
{
	(void)signal;
	handled++;
}

static void handle(int signal, int flags)
{
	struct sigaction action = { .sa_handler = count, .sa_flags = flags };

	MUST(sigaction(signal, &action, NULL));
}

static void must_have_handled(int want)
{
	if (handled == want)
		return;
	fprintf(stderr, "%d signals were handled, not %d\n", (int)handled, want);
	exit(1);
}

static void read_task(pid_t tid, const char *file, char *text, size_t size)
{
	char path[64];
	ssize_t length;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", tid, file);
	fd = MUST(open(path, O_RDONLY | O_CLOEXEC));
	length = MUST(read(fd, text, size - 1));
	text[length] = '\0';
	MUST(close(fd));
}

/* In its call and asleep; a tracer that stopped it on its way in shows another state (proc_pid_stat(5)). */
static void until_waiting(pid_t tid, long nr)
{
	char call[128], stat[512];

	for (;;) {
		read_task(tid, "stat", stat, sizeof(stat));
		read_task(tid, "syscall", call, sizeof(call));
		if (strchr("SD", strrchr(stat, ')')[2]) && call[0] != 'r' && atol(call) == nr)
			return;
		usleep(1000);
	}
}

/* What a container's profile does: the calls are refused and never entered. */
static void seccomp_errno(void)
{
	filter(SYS_mount, SECCOMP_RET_ERRNO | EACCES, 0);
	filter(SYS_setns, SECCOMP_RET_ERRNO | EPERM, 0);
	CALL(EACCES, mount, "none", ".", "tmpfs", MS_NOSUID, "size=4k");
	CALL(EPERM, setns, -1, CLONE_NEWUTS);
	CALL(OK, unshare, CLONE_NEWUTS);
}

/* A handler runs in place of the call, which has no result. */
static void seccomp_trap(void)
{
	handle(SIGSYS, 0);
	filter(SYS_mount, SECCOMP_RET_TRAP, 0);
	syscall(SYS_mount, "none", ".", "tmpfs", MS_NOSUID, "size=4k");
	must_have_handled(1);
	CALL(OK, unshare, CLONE_NEWUTS);
}

static void *be_killed(void *unused)
{
	filter(SYS_mount, SECCOMP_RET_KILL_THREAD, 0);
	CALL(EBADF, setns, -1, CLONE_NEWIPC);
	syscall(SYS_mount, "none", ".", "tmpfs", MS_NOSUID, "size=4k");
	exit(1);
	return unused;
}

/* The call ends its thread; the others go on. */
static void seccomp_kill_thread(void)
{
	pthread_join(start_thread(be_killed, NULL), NULL);
	CALL(OK, unshare, CLONE_NEWUTS);
}

static void killed_process(void)
{
	filter(SYS_mount, SECCOMP_RET_KILL_PROCESS, 0);
	syscall(SYS_mount, "none", ".", "tmpfs", MS_NOSUID, "size=4k");
}

static void seccomp_kill_process(void)
{
	in_child(killed_process, SIGSYS);
	CALL(OK, unshare, CLONE_NEWUTS);
}

/* What a supervisor does with the calls that come to it, one after another (seccomp_unotify(2)). */
enum answer { FAIL, SUCCEED, CONTINUE, INTERRUPT, SIGNAL_AND_CONTINUE };

struct supervisor {
	pid_t caller;
	unsigned int nr;
	unsigned long flags;
	volatile int listener;
	int ready[2];
	const enum answer *answers;
	int count;
};

static void answer(struct supervisor *s, enum answer how)
{
	struct seccomp_notif_resp response = {};
	struct seccomp_notif call = {};

	MUST(ioctl(s->listener, SECCOMP_IOCTL_NOTIF_RECV, &call));
	if (how == INTERRUPT || how == SIGNAL_AND_CONTINUE)
		MUST(syscall(SYS_tgkill, getpid(), s->caller, SIGUSR1));
	if (how == INTERRUPT)
		return;
	response.id = call.id;
	if (how == FAIL)
		response.error = -EXDEV;
	else if (how == SUCCEED)
		response.val = 7;
	else
		response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	MUST(ioctl(s->listener, SECCOMP_IOCTL_NOTIF_SEND, &response));
}

static void *supervise(void *argument)
{
	struct supervisor *s = argument;
	char byte;

	MUST(read(s->ready[0], &byte, 1));
	for (int i = 0; i < s->count; i++)
		answer(s, s->answers[i]);
	return NULL;
}

/* Starts the supervisor and hands it the listener. */
static pthread_t begin_supervision(struct supervisor *s)
{
	pthread_t thread;

	s->caller = syscall(SYS_gettid);
	MUST(pipe(s->ready));
	thread = start_thread(supervise, s);
	s->listener = filter(s->nr, SECCOMP_RET_USER_NOTIF, s->flags);
	MUST(write(s->ready[1], "", 1));
	return thread;
}

/* Calls that another process answers, as container managers do for mount(2); one is interrupted and made again. */
static void seccomp_notify(void)
{
	static const enum answer answers[] = { FAIL, SUCCEED, CONTINUE, INTERRUPT, CONTINUE, INTERRUPT };
	static struct supervisor s = { .nr = SYS_mount, .flags = LISTEN, .answers = answers, .count = 6 };
	pthread_t thread = begin_supervision(&s);

	handle(SIGUSR1, SA_RESTART);
	CALL(EXDEV, mount, "refused", ".", "tmpfs", 0, NULL);
	if (CALL(OK, mount, "answered", ".", "tmpfs", 0, NULL) != 7)
		exit(1);
	CALL(OK, mount, "made", ".", "tmpfs", 0, NULL);
	CALL(OK, mount, "made again", ".", "tmpfs", 0, NULL);
	must_have_handled(1);
	handle(SIGUSR1, 0);
	CALL(EINTR, mount, "interrupted", ".", "tmpfs", 0, NULL);
	must_have_handled(2);
	pthread_join(thread, NULL);
}

/* A signal that is there when clone(2) begins: the kernel lets it be handled and makes the call again. */
static void clone_restarted(void)
{
	static const enum answer answers[] = { SIGNAL_AND_CONTINUE, CONTINUE };
	static struct supervisor s = {
		.nr = SYS_clone, .flags = LISTEN | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, .answers = answers, .count = 2,
	};
	pthread_t thread = begin_supervision(&s);
	pid_t child;

	handle(SIGUSR1, 0);
	child = CALL(OK, clone, CLONE_NEWUTS | SIGCHLD, NULL, NULL, NULL, NULL);
	if (child == 0)
		_exit(0);
	must_have_handled(1);
	pthread_join(thread, NULL);
	reap(child, 0);
}

/* A FUSE file system without a server: who looks something up in it waits until it is killed. */
static void mount_silent_fuse(void)
{
	char options[128];

	snprintf(options, sizeof(options), "fd=%ld,rootmode=40000,user_id=0,group_id=0", MUST(open("/dev/fuse", O_RDWR)));
	MUST(mkdir("fuse", 0755));
	CALL(OK, mount, "silent", "fuse", "fuse", 0, options);
}

static volatile pid_t waiting;

/* Mounts below the silent file system, until thread `ender` ends the process. */
static void wait_in_fuse(void *(*ender)(void *))
{
	mount_silent_fuse();
	waiting = syscall(SYS_gettid);
	start_thread(ender, NULL);
	syscall(SYS_mount, "none", "fuse/missing", "tmpfs", MS_NODEV, "size=4k");
}

static void *kill_waiting(void *unused)
{
	until_waiting(waiting, SYS_mount);
	kill(getpid(), SIGKILL);
	return unused;
}

static void be_killed_waiting(void)
{
	wait_in_fuse(kill_waiting);
}

/* The call waits for another process and never comes back. */
static void killed_waiting(void)
{
	in_child(be_killed_waiting, SIGKILL);
	CALL(OK, unshare, CLONE_NEWUTS);
}

static void *exit_waiting(void *unused)
{
	until_waiting(waiting, SYS_mount);
	_exit(0);
	return unused;
}

static void be_exited_waiting(void)
{
	wait_in_fuse(exit_waiting);
}

/* Another thread ends the process while the call waits. */
static void exited_waiting(void)
{
	in_child(be_exited_waiting, 0);
	CALL(OK, unshare, CLONE_NEWUTS);
}

static void *kill_faulting(void *fd)
{
	struct uffd_msg message;

	MUST(read(*(int *)fd, &message, sizeof(message)));
	kill(getpid(), SIGKILL);
	return NULL;
}

/* The file system's name of a bind is read by the kernel and means nothing to it, nor to strace. */
static void wait_for_page(void)
{
	long page = sysconf(_SC_PAGESIZE);
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .range.len = page, .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *name = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = MUST(syscall(SYS_userfaultfd, O_CLOEXEC));

	MUST(ioctl(fd, UFFDIO_API, &api));
	range.range.start = (uintptr_t)name;
	MUST(ioctl(fd, UFFDIO_REGISTER, &range));
	start_thread(kill_faulting, &fd);
	syscall(SYS_mount, ".", ".", name, MS_BIND, NULL);
}

/* The call waits for its own argument, which never comes. */
static void killed_faulting(void)
{
	in_child(wait_for_page, SIGKILL);
	CALL(OK, unshare, CLONE_NEWUTS);
}

static int context;

static void *hold_context(void *tid)
{
	*(volatile pid_t *)tid = syscall(SYS_gettid);
	syscall(SYS_fsconfig, context, FSCONFIG_SET_STRING, "lowerdir", "fuse/lower", 0);
	return NULL;
}

static void *interrupt_waiting(void *unused)
{
	until_waiting(waiting, SYS_fsmount);
	MUST(syscall(SYS_tgkill, getpid(), waiting, SIGUSR1));
	return unused;
}

/* fsconfig(2) waits with the context locked, so that fsmount(2) waits for it, and can be interrupted. */
static void wait_for_context(void)
{
	static volatile pid_t holder;

	handle(SIGUSR1, SA_RESTART);
	mount_silent_fuse();
	context = CALL(OK, fsopen, "overlay", FSOPEN_CLOEXEC);
	start_thread(hold_context, (void *)&holder);
	while (!holder)
		usleep(1000);
	until_waiting(holder, SYS_fsconfig);
	waiting = syscall(SYS_gettid);
	start_thread(interrupt_waiting, NULL);
	CALL(EINTR, fsmount, context, 0, 0);
	must_have_handled(1);
	kill(getpid(), SIGKILL);
}

static void interrupted(void)
{
	in_child(wait_for_context, SIGKILL);
	CALL(OK, unshare, CLONE_NEWUTS);
}

/* The child has the memory of its parent, which waits for it. */
static void calls_after_vfork(void)
{
	pid_t child = vfork();

	if (child == 0) {
		syscall(SYS_unshare, CLONE_NEWUTS | CLONE_NEWIPC);
		syscall(SYS_chroot, "missing");
		syscall(SYS_mount, "none", ".", "tmpfs", 0, NULL);
		_exit(0);
	}
	reap(MUST(child), 0);
	CALL(OK, unshare, CLONE_NEWUTS);
}

static void *execute(void *unused)
{
	CALL(OK, unshare, CLONE_FS);
	CALL(OK, unshare, CLONE_NEWUTS);
	execl("/proc/self/exe", "endings", "after-exec", ".", NULL);
	exit(1);
	return unused;
}

/* A thread that executes a program goes on under the id of its leader (execve(2)). */
static void exec_in_thread(void)
{
	start_thread(execute, NULL);
	for (;;)
		pause();
}

static void after_exec(void)
{
	CALL(EBADF, setns, -1, CLONE_NEWUTS);
	CALL(OK, unshare, CLONE_NEWUTS);
}

static const uint64_t namespaces[] = {
	CLONE_NEWTIME, CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET,
};

static void clone3_child(uint64_t flags)
{
	struct clone_args args = { .flags = flags, .exit_signal = SIGCHLD };
	pid_t child = CALL(OK, clone3, &args, sizeof(args));

	if (child == 0)
		_exit(0);
	reap(child, 0);
}

/* Each kind of namespace alone by both calls, which name time only in clone3(2), and all at once. */
static void every_namespace(void)
{
	uint64_t all = 0;

	for (size_t i = 0; i < sizeof(namespaces) / sizeof(namespaces[0]); i++) {
		pid_t child;

		clone3_child(namespaces[i]);
		all |= namespaces[i];
		if (namespaces[i] == CLONE_NEWTIME)
			continue;
		child = CALL(OK, clone, namespaces[i] | SIGCHLD, NULL, NULL, NULL, NULL);
		if (child == 0)
			_exit(0);
		reap(child, 0);
	}
	clone3_child(all);
	clone3_child(all & ~CLONE_NEWUSER);
}

static const struct named_case cases[] = {
	{ "seccomp-errno", seccomp_errno },
	{ "seccomp-trap", seccomp_trap },
	{ "seccomp-kill-thread", seccomp_kill_thread },
	{ "seccomp-kill-process", seccomp_kill_process },
	{ "seccomp-notify", seccomp_notify },
	{ "clone-restarted", clone_restarted },
	{ "interrupted", interrupted },
	{ "killed-waiting", killed_waiting },
	{ "exited-waiting", exited_waiting },
	{ "killed-faulting", killed_faulting },
	{ "vfork", calls_after_vfork },
	{ "exec-in-thread", exec_in_thread },
	{ "after-exec", after_exec },
	{ "every-namespace", every_namespace },
};

int main(int argc, char **argv)
{
	return run_case(argc, argv, cases, sizeof(cases) / sizeof(cases[0]));
}
