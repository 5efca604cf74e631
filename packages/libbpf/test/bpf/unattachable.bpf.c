// Programs that load, of which only one can be attached by its section's name.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("raw_tp/no_such_tracepoint")
int nowhere(void *context)
{
	return 0;
}

SEC("socket")
int needs_a_socket(void *context)
{
	return 0;
}

SEC("raw_tp/sys_enter")
int somewhere(void *context)
{
	return 0;
}
