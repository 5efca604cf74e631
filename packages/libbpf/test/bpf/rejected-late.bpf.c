// Rejected, but only after some hundred instructions: its verifier log is long.
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
	__u32 key = 0;
	for (int i = 0; i < 100; i++)
		key += bpf_get_prandom_u32();
	__u32 *value = bpf_map_lookup_elem(&hash, &key);
	return *value;
}
