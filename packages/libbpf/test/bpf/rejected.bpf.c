// An object that the verifier rejects: `careless` uses what a lookup may not have found.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} hash SEC(".maps");

SEC("raw_tp/sys_enter")
int careless(void *context)
{
	__u32 zero = 0;
	__u32 *value = bpf_map_lookup_elem(&hash, &zero);
	return *value;
}

SEC("raw_tp/sys_enter")
int careful(void *context)
{
	return 0;
}
