// A program whose context is a packet: returns its byte 20.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

SEC("tc")
int byte20(struct __sk_buff *packet)
{
	__u8 byte = 0;
	bpf_skb_load_bytes(packet, 20, &byte, 1);
	return byte;
}
