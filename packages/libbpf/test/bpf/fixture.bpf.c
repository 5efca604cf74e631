// What the tests load: a ring buffer fed in several ways, maps of several types, globals, an iterator.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "GPL";

struct task_struct {
	int pid;
	int tgid;
} __attribute__((preserve_access_index));

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

struct pt_regs;
struct vm_area_struct;

struct record {
	__u64 number;
	__u64 check;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} ring SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} per_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 3);
	__type(key, __u32);
	__type(value, __u32);
} shared SEC(".maps");

const volatile __u32 traced_pid = 0;
const volatile __u32 parent_pid = 0;
const volatile __s64 wide = -1;
const volatile char label[8] = "unset";
const volatile __u32 discard_every = 0;
const volatile __u32 copies = 1;
__u64 produced = 0;
__u64 refused = 0;
static volatile __u32 seed = 41;

// getppid(2) takes nothing, changes nothing and returns what hardly any other call does: one call of the traced
// process is one record.
SEC("tp_btf/sys_exit")
int BPF_PROG(on_getppid, struct pt_regs *regs, long ret)
{
	if (bpf_get_current_pid_tgid() >> 32 != traced_pid || ret != parent_pid)
		return 0;
	struct record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record) {
		__sync_fetch_and_add(&refused, 1);
		return 0;
	}
	record->number = produced++;
	record->check = 0;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

// The bytes of record `number`: no two neighbours have the same, and most are no multiple of 8.
static __always_inline __u64 length_of(__u64 number)
{
	return number % 3 == 0 ? 16 : number % 3 == 1 ? 37 : 1000;
}

// By a test run: feeds records first..first+count into the ring.
SEC("raw_tp/sys_enter")
int BPF_PROG(feed, __u64 first, __u64 count)
{
	for (int i = 0; i < 1024; i++) {
		if (i >= count)
			break;
		__u64 number = first + i;
		__u64 length = length_of(number);
		struct record *record;
		// The verifier wants a constant size.
		if (length == 16)
			record = bpf_ringbuf_reserve(&ring, 16, 0);
		else if (length == 37)
			record = bpf_ringbuf_reserve(&ring, 37, 0);
		else
			record = bpf_ringbuf_reserve(&ring, 1000, 0);
		if (!record) {
			refused++;
			continue;
		}
		record->number = number;
		record->check = number * 2654435761u;
		produced++;
		if (discard_every && number % discard_every == 0)
			bpf_ringbuf_discard(record, 0);
		else
			bpf_ringbuf_submit(record, 0);
	}
	__u32 zero = 0;
	__u32 *runs = bpf_map_lookup_elem(&per_cpu, &zero);
	if (runs)
		(*runs)++;
	return seed + 1;
}

static long until_released(__u32 index, void *context)
{
	__u32 one = 1;
	__u32 *released = bpf_map_lookup_elem(&shared, &one);
	return released && *(volatile __u32 *)released;
}

// Leaves a record reserved but not committed until user space writes to element 1 of `shared`, or for some seconds.
SEC("tp_btf/sys_exit")
int BPF_PROG(hold, struct pt_regs *regs, long ret)
{
	if (bpf_get_current_pid_tgid() >> 32 != traced_pid || ret != parent_pid)
		return 0;
	struct record *record = bpf_ringbuf_reserve(&ring, sizeof(*record), 0);
	if (!record)
		return 0;
	for (int i = 0; i < 32; i++)
		if (bpf_loop(1 << 23, until_released, 0, 0) < 1 << 23)
			break;
	record->number = 7;
	record->check = 0;
	bpf_ringbuf_submit(record, 0);
	return 0;
}

SEC("iter/task")
int tasks(struct bpf_iter__task *context)
{
	struct seq_file *seq = context->meta->seq;
	struct task_struct *task = context->task;
	if (!task)
		return 0;
	__u32 ids[2] = { task->pid, task->tgid };
	for (int i = 0; i < 512; i++) {
		if (i >= copies)
			break;
		bpf_seq_write(seq, ids, sizeof(ids));
	}
	return 0;
}

static long no_vma(struct task_struct *task, struct vm_area_struct *vma, void *context)
{
	return 0;
}

static volatile __u32 depth = 0;

// bpf_find_vma takes the lock that this tracepoint reports: the program runs into itself, and the kernel skips
// the inner run (since 6.2; `depth` ends it before that).
SEC("raw_tp/mmap_lock_acquire_returned")
int recurse(void *context)
{
	if (bpf_get_current_pid_tgid() >> 32 != traced_pid || depth)
		return 0;
	depth++;
	bpf_find_vma(bpf_get_current_task_btf(), 0, no_vma, 0, 0);
	depth--;
	return 0;
}
