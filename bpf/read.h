/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How kernel memory is read: by bpf_probe_read_kernel() for each step. Where every call of the node passes, HOT() reads
 * by plain loads, from the typed pointers that a program has for the current task since 5.11, and so does GET() where
 * every call passes that is told. They are not used elsewhere because the verifier looks up the type of each pointer that
 * is followed, which made loading take twice as long.
 */
#ifndef KEYHOLE_READ_H
#define KEYHOLE_READ_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#define READ(src, ...) BPF_CORE_READ(src, __VA_ARGS__)

#ifdef KEYHOLE_PROBE_READ
#define HOT(src, ...) BPF_CORE_READ(src, __VA_ARGS__)
#define CURRENT() ((struct task_struct *)bpf_get_current_task())
#else
#define HOT(src, ...) ___arrow(src, __VA_ARGS__)
#define CURRENT() ((struct task_struct *)bpf_get_current_task_btf())
#endif

/* HOT() where `typed`, a constant, says that the verifier knows what `src` points at, else READ(). */
#define GET(typed, src, ...) ((typed) ? HOT(src, __VA_ARGS__) : READ(src, __VA_ARGS__))

/*
 * A member of what a number points at, by plain loads where the kernel casts it (bpf_rdonly_cast(), since 6.2): a helper call
 * for each step costs a twentieth of the system call that it is made in.
 */
#ifdef KEYHOLE_CAST
extern void *bpf_rdonly_cast(const void *object, __u32 btf_id) __attribute__((section(".ksyms")));
#define PEEK(type, pointer, ...)                                                                                       \
	HOT(((type *)bpf_rdonly_cast((const void *)(pointer), bpf_core_type_id_kernel(type))), __VA_ARGS__)
#else
#define PEEK(type, pointer, ...) BPF_CORE_READ((type *)(pointer), __VA_ARGS__)
#endif

/* The word at an address, as a number: what is cast to is any struct that begins with one. */
static __always_inline __u64 peek_word(__u64 address)
{
#ifdef KEYHOLE_CAST
	return PEEK(struct rb_node, address, __rb_parent_color);
#else
	__u64 word = 0;

	bpf_probe_read_kernel(&word, sizeof(word), (void *)address);
	return word;
#endif
}

#define HAS_HELPER(name) bpf_core_enum_value_exists(enum bpf_func_id___helpers, BPF_FUNC_##name)

#endif
