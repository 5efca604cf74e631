/*
 * A mount(2) whose strings another thread rewrites while it is under way, at a moment that is not left to chance: the call
 * waits for the lock of the directory that it mounts on, long after the kernel has copied its strings, until a
 * getdents64(2) of that directory is done, whose buffer is a page that this program provides (userfaultfd(2)). See act.h.
 *
 * The act has the arguments as the kernel took them, and `rewritten` those that lie in memory afterwards.
 */
#include "act.h"
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>

#define PAGE 4096

static struct strings {
	char source[64], target[64], type[64], data[64];
} strings;

static const struct strings asked = {"asked", "/mnt/r/asked", "tmpfs", "size=64k,mode=700"};
static const struct strings rewritten = {"other", "/mnt/r/other", "ramfs", "size=99k,mode=755"};

static void *page;
static int mounting;

static const char *arguments(const struct strings *s)
{
	return text("{\"source\":\"%s\",\"target\":\"%s\",\"filesystemtype\":\"%s\",\"mountflags\":[\"MS_NODEV\"],"
		    "\"data\":\"%s\"}",
		    s->source, s->target, s->type, s->data);
}

static void *lists(void *directory)
{
	int fd = MUST(open(directory, O_RDONLY | O_DIRECTORY));

	MUST(raw(SYS_getdents64, fd, (long)page, PAGE, 0, 0));
	return NULL;
}

static void *mounts(void *unused)
{
	struct namespaces before = look("thread-self");
	long ret;

	__atomic_store_n(&mounting, (int)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	ret = raw(SYS_mount, (long)strings.source, (long)strings.target, (long)strings.type, MS_NODEV, (long)strings.data);
	fact("\"rewritten\":%s", arguments(&rewritten));
	tell("mount", "x86_64", arguments(&asked), ret, &before);
	return unused;
}

/* The state of a thread, proc_pid_stat(5). */
static char state_of(int tid)
{
	char line[512] = "";
	int fd = open(text("/proc/self/task/%d/stat", tid), O_RDONLY);

	if (fd < 0)
		return 0;
	MUST(read(fd, line, sizeof(line) - 1));
	close(fd);
	return strrchr(line, ')')[2];
}

int main(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	struct uffdio_zeropage zero = {0};
	struct uffd_msg message;
	pthread_t lister, mounter;
	int uffd;

	MUST(mkdir("/mnt/r", 0755));
	MUST(mkdir(asked.target, 0755));
	MUST(mkdir(rewritten.target, 0755));
	strings = asked;
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = (int)MUST(syscall(SYS_userfaultfd, 0));
	MUST(ioctl(uffd, UFFDIO_API, &api));
	range.range.start = zero.range.start = (uintptr_t)page;
	range.range.len = zero.range.len = PAGE;
	MUST(ioctl(uffd, UFFDIO_REGISTER, &range));
	MUST(-pthread_create(&lister, NULL, lists, (void *)asked.target));
	MUST(read(uffd, &message, sizeof(message)));
	MUST(-pthread_create(&mounter, NULL, mounts, NULL));
	while (state_of(__atomic_load_n(&mounting, __ATOMIC_SEQ_CST)) != 'D')
		usleep(1000);
	strings = rewritten;
	MUST(ioctl(uffd, UFFDIO_ZEROPAGE, &zero));
	MUST(-pthread_join(lister, NULL));
	MUST(-pthread_join(mounter, NULL));
	return 0;
}
