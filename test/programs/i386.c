/*
 * A 32-bit process without a C library, whose every call enters as i386's do. It ends with the number of the
 * first call that did not do what it must, or 0. Built with -m32 -static -nostdlib -ffreestanding.
 */
#define CLONE_NEWNS 0x20000
#define CLONE_NEWUTS 0x4000000
#define SIGCHLD 17
#define MS_PRIVATE_REC (1 << 18 | 1 << 14)
#define EBADF 9
#define EFAULT 14
#define EINVAL 22

/* arch/x86/entry/syscalls/syscall_32.tbl */
enum {
	NR_exit = 1,
	NR_open = 5,
	NR_mount = 21,
	NR_umount = 22,
	NR_umount2 = 52,
	NR_clone = 120,
	NR_unshare = 310,
	NR_setns = 346,
	NR_pidfd_open = 434,
};

static long call(long nr, long a, long b, long c, long d, long e)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
	return ret;
}

static void end(long status)
{
	call(NR_exit, status, 0, 0, 0, 0);
	__builtin_unreachable();
}

static int step;

static long must(long want, long ret)
{
	step++;
	if (want ? ret != -want : ret < 0)
		end(step);
	return ret;
}

#define STRING(text) ((long)(text))

void _start(void)
{
	long uts, child;

	must(0, call(NR_unshare, CLONE_NEWNS, 0, 0, 0, 0));
	must(0, call(NR_mount, 0, STRING("/"), 0, MS_PRIVATE_REC, 0));
	must(0, call(NR_mount, STRING("none"), STRING("/tmp"), STRING("tmpfs"), 0, STRING("size=4k")));
	must(EFAULT, call(NR_mount, STRING("none"), 0, STRING("tmpfs"), 0, 0));
	must(EFAULT, call(NR_umount2, 0xfffffff0, 2, 0, 0, 0));
	must(0, call(NR_umount2, STRING("/tmp"), 2, 0, 0, 0));
	must(EINVAL, call(NR_umount, STRING("/proc/self"), 0, 0, 0, 0));
	uts = must(0, call(NR_open, STRING("/proc/self/ns/uts"), 0, 0, 0, 0));
	must(0, call(NR_setns, uts, 0, 0, 0, 0));
	must(EBADF, call(NR_setns, -1, CLONE_NEWUTS, 0, 0, 0));
	must(EINVAL, call(NR_pidfd_open, -1, 0, 0, 0, 0));
	child = must(0, call(NR_clone, CLONE_NEWUTS | SIGCHLD, 0, 0, 0, 0));
	if (child == 0)
		end(0);
	end(0);
}
