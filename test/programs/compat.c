/*
 * Makes calls by the 32-bit entry (int 0x80) from 64-bit code, with the numbers of i386: a process need not
 * be a 32-bit one to be a 32-bit caller. Strings lie below 4 GiB, where such a caller can point. x86-64 only.
 *
 * usage: compat DIRECTORY    DIRECTORY is empty; a tmpfs is mounted on it, seen by this process only
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>

#include "call.h"

/* arch/x86/entry/syscalls/syscall_32.tbl */
enum {
	NR_mount = 21,
	NR_umount = 22,
	NR_umount2 = 52,
	NR_chroot = 61,
	NR_unshare = 310,
	NR_setns = 346,
	NR_fsopen = 430,
	NR_fsconfig = 431,
};

static long int80(long nr, long a, long b, long c, long d, long e)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory", "r8", "r9", "r10", "r11");
	return ret;
}

#define CALL32(want, name, a, b, c, d, e) check32(want, int80(NR_##name, a, b, c, d, e), #name, __LINE__)

static long check32(int want, long ret, const char *name, int line)
{
	errno = -ret;
	return check(want, (int)ret < 0 ? -1 : ret, name, line);
}

/* A copy of `text` that 32 bits can point at. */
static long low(const char *text)
{
	static char *next;

	if (!next)
		next = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (next == MAP_FAILED)
		exit(1);
	strcpy(next, text);
	next += strlen(text) + 1;
	return (long)(next - strlen(text) - 1);
}

int main(int argc, char **argv)
{
	int uts, fs;

	if (argc != 2)
		return 2;
	uts = MUST(open("/proc/self/ns/uts", O_RDONLY));
	CALL32(OK, unshare, CLONE_NEWNS, 0, 0, 0, 0);
	CALL32(OK, mount, 0, low("/"), 0, 1 << 18 | 1 << 14, 0);
	CALL32(OK, mount, low("none"), low(argv[1]), low("tmpfs"), 2, low("size=64k"));
	CALL32(ENODEV, mount, low("none"), low(argv[1]), low("no-such-fs"), 0, 0);
	CALL32(EFAULT, mount, 1, low(argv[1]), low("tmpfs"), 0, 0);
	CALL32(OK, setns, uts, CLONE_NEWUTS, 0, 0, 0);
	CALL32(EINVAL, setns, uts, CLONE_NEWNET, 0, 0, 0);
	CALL32(EBADF, setns, -1, 0, 0, 0, 0);
	fs = CALL32(OK, fsopen, low("proc"), 1, 0, 0, 0);
	CALL32(OK, fsconfig, fs, 1, low("hidepid"), low("2"), 0);
	CALL32(OK, fsconfig, fs, 6, 0, 0, 0);
	CALL32(EINVAL, unshare, 1, 0, 0, 0, 0);
	CALL32(ENOENT, chroot, low("/missing\xff"), 0, 0, 0, 0);
	CALL32(OK, umount2, low(argv[1]), 2, 0, 0, 0);
	CALL32(EINVAL, umount, low(argv[1]), 0, 0, 0, 0);
	return 0;
}
