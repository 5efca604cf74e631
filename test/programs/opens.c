/*
 * Opens files in the ways that its arguments say, one after another, and prints for each a line: how, and what came of it,
 * a descriptor or -errno. Makes a setns(-1, 0) then, which is an event in any case, and ends when its input does.
 *
 * usage: opens HOW ARGUMENT... [HOW ARGUMENT...]...
 *
 *   open PATH ACCESS          ACCESS is r, w or rw; p stands for O_PATH, d for O_RDONLY | O_DIRECTORY
 *   openat DIRECTORY NAME ACCESS
 *   openat-fd FD NAME ACCESS  FD was inherited
 *   openat2 PATH ACCESS
 *   creat PATH
 *   reopen PATH ACCESS        by O_PATH, and then by /proc/self/fd
 *   handle FD NAME ACCESS     name_to_handle_at(2), open_by_handle_at(2)
 *   int80-open PATH ACCESS, int80-openat PATH ACCESS, int80-openat2 PATH ACCESS, int80-creat PATH
 *   io_uring PATH ACCESS
 *   proc DIRECTORY            mounts a procfs
 *   bind FROM TO
 *   times N                   the next one is done so often
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/mount.h>

#include "call.h"

static int flags_of(const char *access)
{
	if (!strcmp(access, "r"))
		return O_RDONLY;
	if (!strcmp(access, "w"))
		return O_WRONLY;
	if (!strcmp(access, "rw"))
		return O_RDWR;
	if (!strcmp(access, "d"))
		return O_RDONLY | O_DIRECTORY;
	if (!strcmp(access, "p"))
		return O_PATH;
	fprintf(stderr, "what is %s?\n", access);
	exit(2);
}

static long reopen(const char *path, int flags)
{
	char again[64];
	int fd = open(path, O_PATH);

	if (fd < 0)
		return fd;
	snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
	return open(again, flags);
}

static long by_handle(int directory, const char *name, int flags)
{
	struct {
		struct file_handle handle;
		char bytes[MAX_HANDLE_SZ];
	} wanted = { .handle.handle_bytes = MAX_HANDLE_SZ };
	int mount;

	if (name_to_handle_at(directory, name, &wanted.handle, &mount, 0))
		return -1;
	return open_by_handle_at(directory, &wanted.handle, flags);
}

#if defined(__x86_64__)
/* arch/x86/entry/syscalls/syscall_32.tbl */
enum {
	NR_open = 5,
	NR_creat = 8,
	NR_openat = 295,
	NR_openat2 = 437,
};

static long int80(long nr, long a, long b, long c, long d)
{
	long ret;

	asm volatile("int $0x80" : "=a"(ret) : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(0) : "memory", "r8", "r9", "r10", "r11");
	ret = (int)ret;
	if (ret >= 0)
		return ret;
	errno = -ret;
	return -1;
}

/* A copy that 32 bits can point at. */
static long low(const void *bytes, size_t size)
{
	void *copy = mmap(NULL, PATH_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);

	if (copy == MAP_FAILED)
		exit(1);
	memcpy(copy, bytes, size);
	return (long)copy;
}

static long by_int80(const char *how, const char *path, int flags)
{
	struct open_how wanted = { .flags = flags };
	long at = low(path, strlen(path) + 1);

	if (!strcmp(how, "int80-open"))
		return int80(NR_open, at, flags, 0, 0);
	if (!strcmp(how, "int80-openat"))
		return int80(NR_openat, AT_FDCWD, at, flags, 0);
	if (!strcmp(how, "int80-openat2"))
		return int80(NR_openat2, AT_FDCWD, at, low(&wanted, sizeof(wanted)), sizeof(wanted));
	return int80(NR_creat, at, 0600, 0, 0);
}
#endif

/* IORING_OP_OPENAT, without liburing. */
static long by_io_uring(const char *path, int flags)
{
	struct io_uring_params p = {};
	long ring = MUST(syscall(SYS_io_uring_setup, 1, &p));
	struct io_uring_sqe *sqe;
	struct io_uring_cqe *cqe;
	char *sq, *cq;

	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*cqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring,
		  IORING_OFF_CQ_RING);
	sqe = mmap(NULL, p.sq_entries * sizeof(*sqe), PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (sq == MAP_FAILED || cq == MAP_FAILED || (void *)sqe == MAP_FAILED)
		exit(1);
	memset(sqe, 0, sizeof(*sqe));
	sqe->opcode = IORING_OP_OPENAT;
	sqe->fd = AT_FDCWD;
	sqe->addr = (uintptr_t)path;
	sqe->open_flags = flags;
	*(unsigned *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	MUST(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0));
	cqe = (void *)(cq + p.cq_off.cqes);
	close(ring);
	if (cqe->res >= 0)
		return cqe->res;
	errno = -cqe->res;
	return -1;
}

/* Does what `argv` begins with; returns how many words that took. */
static int act(char **argv, long *ret)
{
	const char *how = argv[0];

	if (!strcmp(how, "open"))
		return *ret = syscall(SYS_open, argv[1], flags_of(argv[2]), 0), 3;
	if (!strcmp(how, "openat"))
		return *ret = openat(open(argv[1], O_RDONLY | O_DIRECTORY), argv[2], flags_of(argv[3])), 4;
	if (!strcmp(how, "openat-fd"))
		return *ret = openat(atoi(argv[1]), argv[2], flags_of(argv[3])), 4;
	if (!strcmp(how, "openat2")) {
		struct open_how wanted = { .flags = flags_of(argv[2]), .resolve = RESOLVE_NO_MAGICLINKS };

		return *ret = syscall(SYS_openat2, AT_FDCWD, argv[1], &wanted, sizeof(wanted)), 3;
	}
	if (!strcmp(how, "creat"))
		return *ret = syscall(SYS_creat, argv[1], 0600), 2;
	if (!strcmp(how, "reopen"))
		return *ret = reopen(argv[1], flags_of(argv[2])), 3;
	if (!strcmp(how, "handle"))
		return *ret = by_handle(atoi(argv[1]), argv[2], flags_of(argv[3])), 4;
#if defined(__x86_64__)
	if (!strcmp(how, "int80-creat"))
		return *ret = by_int80(how, argv[1], 0), 2;
	if (!strncmp(how, "int80-", 6))
		return *ret = by_int80(how, argv[1], flags_of(argv[2])), 3;
#endif
	if (!strcmp(how, "io_uring"))
		return *ret = by_io_uring(argv[1], flags_of(argv[2])), 3;
	if (!strcmp(how, "proc"))
		return *ret = mount("proc", argv[1], "proc", 0, NULL), 2;
	if (!strcmp(how, "bind"))
		return *ret = mount(argv[1], argv[2], NULL, MS_BIND, NULL), 3;
	fprintf(stderr, "what is %s?\n", how);
	exit(2);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc;) {
		long ret = 0, times = 1;
		int words = 0;

		if (!strcmp(argv[i], "times")) {
			times = atol(argv[i + 1]);
			i += 2;
		}
		for (long n = 0; n < times; n++) {
			words = act(argv + i, &ret);
			if (n < times - 1 && ret >= 0)
				close(ret);
		}
		printf("%s %ld\n", argv[i], ret < 0 ? (long)-errno : ret);
		i += words;
	}
	fflush(stdout);
	CALL(EBADF, setns, -1, 0);
	while (read(0, &argc, sizeof(argc)) > 0)
		;
	return 0;
}
