/*
 * consumer OBJECT poll|timer json|none: the minimal tracer of setns(2). Attaches the program of OBJECT and reads its
 * ring, woken by the kernel (poll) or by itself every 20 ms (timer); prints each record as a line of JSON, or nothing
 * but the word "ready". Ends at SIGTERM.
 */
#include <bpf/libbpf.h>
#include <err.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "consumer.h"

#define TIMER_US 20000
#define BPF_RB_NO_WAKEUP 1

/* The order in which libbpf lays out what consumer.bpf.c declares; checked against the size of the section. */
struct rodata {
	long number;
	unsigned long long flags;
};

static volatile sig_atomic_t ended;

static void end(int signal)
{
	(void)signal;
	ended = 1;
}

static int print_record(void *context, void *data, size_t size)
{
	const struct record *r = data;

	(void)context;
	(void)size;
	printf("{\"time\":%llu,\"type\":\"syscall\",\"syscall\":\"setns\",\"args\":{\"fd\":%d,\"nstype\":%d},"
	       "\"ret\":%lld,\"process\":{\"pid\":%u,\"tid\":%u,\"ppid\":%u,\"uid\":%u,\"gid\":%u,\"comm\":\"%s\","
	       "\"start\":\"%llu\",\"cgroup\":%llu},\"namespaces\":{\"mnt\":%u,\"uts\":%u,\"ipc\":%u,\"net\":%u,"
	       "\"user\":%u,\"cgroup\":%u,\"time\":%u,\"pid_for_children\":%u,\"time_for_children\":%u}}\n",
	       r->time, (int)r->args[0], (int)r->args[1], r->ret, r->pid, r->tid, r->ppid, r->uid, r->gid, r->comm,
	       r->start, r->cgroup, r->ns[0], r->ns[1], r->ns[2], r->ns[3], r->ns[4], r->ns[5], r->ns[6], r->ns[7],
	       r->ns[8]);
	return 0;
}

static int ignore_record(void *context, void *data, size_t size)
{
	(void)context;
	(void)data;
	(void)size;
	return 0;
}

int main(int argc, char **argv)
{
	static char output[1 << 18];
	struct ring_buffer *ring;
	struct bpf_object *object;
	struct bpf_map *map;
	struct rodata *rodata;
	const unsigned long long *lost;
	unsigned long long told = 0;
	int timer, json;
	size_t size;

	if (argc != 4)
		errx(2, "usage: consumer OBJECT poll|timer json|none");
	timer = !strcmp(argv[2], "timer");
	json = !strcmp(argv[3], "json");
	setvbuf(stdout, output, _IOFBF, sizeof(output));
	signal(SIGTERM, end);
	signal(SIGINT, end);

	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		err(1, "%s", argv[1]);
	map = bpf_object__find_map_by_name(object, ".rodata");
	/* not const before the object is loaded, whatever the header of libbpf before 1.2 says */
	rodata = map ? (struct rodata *)bpf_map__initial_value(map, &size) : NULL;
	if (!rodata || size != sizeof(*rodata))
		errx(1, "%s has other constants", argv[1]);
	rodata->number = SYS_setns;
	rodata->flags = timer ? BPF_RB_NO_WAKEUP : 0;
	if (bpf_object__load(object))
		errx(1, "the kernel refuses the program");
	map = bpf_object__find_map_by_name(object, ".bss");
	lost = map ? bpf_map__initial_value(map, &size) : NULL;
	if (!lost)
		errx(1, "%s has no counter", argv[1]);
	if (!bpf_program__attach(bpf_object__find_program_by_name(object, "call_returned")))
		err(1, "attaching");
	ring = ring_buffer__new(bpf_object__find_map_fd_by_name(object, "ring"),
				json ? print_record : ignore_record, NULL, NULL);
	if (!ring)
		err(1, "ring_buffer__new");
	if (!json)
		puts("ready");
	fflush(stdout);

	while (!ended) {
		if (timer) {
			usleep(TIMER_US);
			ring_buffer__consume(ring);
		} else {
			ring_buffer__poll(ring, -1);
		}
		if (json && *lost != told) {
			printf("{\"type\":\"lost\",\"reason\":\"ring-full\",\"count\":%llu}\n", *lost - told);
			told = *lost;
		}
		fflush(stdout);
	}
	return 0;
}
