/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How kernel memory is read. Since 5.11 a program can have the current task as
 * a typed pointer and follow it by plain loads; before, each step is a call of
 * bpf_probe_read_kernel(). The same source is compiled for both.
 */
#ifndef KEYHOLE_READ_H
#define KEYHOLE_READ_H

#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

#ifdef KEYHOLE_PROBE_READ
#define READ(src, ...) BPF_CORE_READ(src, __VA_ARGS__)
#define CURRENT() ((struct task_struct *)bpf_get_current_task())
#else
#define READ(src, ...) ___arrow(src, __VA_ARGS__)
#define CURRENT() ((struct task_struct *)bpf_get_current_task_btf())
#endif

#endif
