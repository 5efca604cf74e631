/*
 * System calls without a C library, by each of the ways into the kernel of x86: the instruction syscall (x86_64),
 * int $0x80 of a 32-bit process (-m32), and int $0x80 of a 64-bit one (-DINT80). Such a program is linked statically
 * and not as a PIE, so that all its memory but the first stack lies where 32 bits can point.
 */
#pragma once

typedef unsigned char u8;
typedef unsigned int u32;
typedef unsigned long long u64;

#if defined(__x86_64__) && !defined(INT80)
#define NR(native, compat) native
#define WIDE 1	/* a register of a call has 64 bits */
#elif defined(__x86_64__) || defined(__i386__)
#define NR(native, compat) compat
#define WIDE 0
#else
#error "the ways into the kernel are those of x86"
#endif

/* arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl */
enum {
	NR_write = NR(1, 4),
	NR_close = NR(3, 6),
	NR_mprotect = NR(10, 125),
	NR_munmap = NR(11, 91),
	NR_rt_sigaction = NR(13, 174),
	NR_dup2 = NR(33, 63),
	NR_pause = NR(34, 29),
	NR_alarm = NR(37, 27),
	NR_clone = NR(56, 120),
	NR_exit = NR(60, 1),
	NR_wait4 = NR(61, 114),
	NR_kill = NR(62, 37),
	NR_chdir = NR(80, 12),
	NR_fchdir = NR(81, 133),
	NR_mkdir = NR(83, 39),
	NR_symlink = NR(88, 83),
	NR_pivot_root = NR(155, 217),
	NR_prctl = NR(157, 172),
	NR_chroot = NR(161, 61),
	NR_mount = NR(165, 21),
	NR_umount = NR(-1, 22),
	NR_umount2 = NR(166, 52),
	NR_futex = NR(202, 240),
	NR_exit_group = NR(231, 252),
	NR_openat = NR(257, 295),
	NR_unshare = NR(272, 310),
	NR_setns = NR(308, 346),
	NR_getrandom = NR(318, 355),
	NR_open_tree = 428,
	NR_move_mount = 429,
	NR_fsopen = 430,
	NR_fsconfig = 431,
	NR_fsmount = 432,
	NR_fspick = 433,
	NR_pidfd_open = 434,
	NR_clone3 = 435,
	NR_mount_setattr = 442,
	NR_open_tree_attr = 467,
};

/* What a new task does: function(argument), which must not return. */
struct task {
	void (*function)(void *);
	void *argument;
};

/*
 * A call of the clone family. The child, on the stack that the call gives it or on a copy of this one, goes to
 * `task`; the parent returns with the result.
 */
long spawn(long nr, long a, long b, long c, long d, long e, const struct task *task);

#if WIDE
static long call(long nr, long a, long b, long c, long d, long e)
{
	register long r10 asm("r10") = d, r8 asm("r8") = e;
	long ret;

	asm volatile("syscall"
		     : "=a"(ret)
		     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
		     : "memory", "rcx", "r11");
	return ret;
}
asm(".globl spawn\n"
    "spawn: push %r12\n"
    "mov 16(%rsp), %r12\n"
    "mov %rdi, %rax\n"
    "mov %rsi, %rdi\n"
    "mov %rdx, %rsi\n"
    "mov %rcx, %rdx\n"
    "mov %r8, %r10\n"
    "mov %r9, %r8\n"
    "syscall\n"
    "test %rax, %rax\n"
    "jz 1f\n"
    "pop %r12\n"
    "ret\n"
    "1: and $-16, %rsp\n"
    "mov 8(%r12), %rdi\n"
    "call *(%r12)\n"
    "hlt\n");
#else
static long call(long nr, long a, long b, long c, long d, long e)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory"
#ifdef __x86_64__
		     , "r8", "r9", "r10", "r11"
#endif
	);
	return (int)ret;
}
#ifdef __x86_64__
asm(".globl spawn\n"
    "spawn: push %r12\n"
    "push %rbx\n"
    "mov 24(%rsp), %r12\n"
    "mov %edi, %eax\n"
    "mov %esi, %ebx\n"
    "mov %r8d, %esi\n"
    "mov %r9d, %edi\n"
    "xchg %ecx, %edx\n"
    "int $0x80\n"
    "test %eax, %eax\n"
    "jz 1f\n"
    "cltq\n"
    "pop %rbx\n"
    "pop %r12\n"
    "ret\n"
    "1: and $-16, %rsp\n"
    "mov 8(%r12), %rdi\n"
    "call *(%r12)\n"
    "hlt\n");
#else
asm(".globl spawn\n"
    "spawn: push %ebp\n"
    "push %ebx\n"
    "push %esi\n"
    "push %edi\n"
    "mov 20(%esp), %eax\n"
    "mov 24(%esp), %ebx\n"
    "mov 28(%esp), %ecx\n"
    "mov 32(%esp), %edx\n"
    "mov 36(%esp), %esi\n"
    "mov 40(%esp), %edi\n"
    "mov 44(%esp), %ebp\n"
    "int $0x80\n"
    "test %eax, %eax\n"
    "jz 1f\n"
    "pop %edi\n"
    "pop %esi\n"
    "pop %ebx\n"
    "pop %ebp\n"
    "ret\n"
    "1: and $-16, %esp\n"
    "sub $12, %esp\n"
    "push 4(%ebp)\n"
    "call *(%ebp)\n"
    "hlt\n");
#endif
#endif

/* argc is at `stack`, argv behind it (the System V ABI of both machines). */
void start(long *stack) __attribute__((used));

#ifdef __x86_64__
asm(".globl _start\n"
    "_start: mov %rsp, %rdi\n"
    "and $-16, %rsp\n"
    "call start\n"
    "hlt\n");
#else
asm(".globl _start\n"
    "_start: mov %esp, %eax\n"
    "and $-16, %esp\n"
    "sub $12, %esp\n"
    "push %eax\n"
    "call start\n"
    "hlt\n");
#endif

/* The compiler calls these by itself. */
void *memset(void *to, int byte, unsigned long size)
{
	for (unsigned long i = 0; i < size; i++)
		((volatile u8 *)to)[i] = byte;
	return to;
}

void *memcpy(void *to, const void *from, unsigned long size)
{
	for (unsigned long i = 0; i < size; i++)
		((volatile u8 *)to)[i] = ((const u8 *)from)[i];
	return to;
}
