/* SPDX-License-Identifier: GPL-2.0-only */
/* The calls that are captured, by number. */
#ifndef KEYHOLE_TABLE_H
#define KEYHOLE_TABLE_H

#include "regs.h"

#define CALLS 512

/*
 * What each call number means: enum kh_op of the native ABI in the low byte, of
 * the 32-bit one in the high byte. Filled from src/capture/calls.ts.
 */
const volatile __u16 calls[CALLS];

static __always_inline __u8 abi_of(long number)
{
	if (is_compat(CURRENT()))
		return KH_ABI_COMPAT;
	return number & X32_SYSCALL_BIT ? KH_ABI_X32 : KH_ABI_NATIVE;
}

/*
 * Which call of the list a number means in the ABI of the current task, 0 for none; sets the ABI. Most calls of a node
 * are of no list: nothing is asked for them but the table.
 */
static __always_inline __u8 op_in(const volatile __u16 *table, long number, __u8 *abi)
{
	__u16 both;

	if ((__u64)(number & ~X32_SYSCALL_BIT) >= CALLS)
		return 0;
	both = table[number & (CALLS - 1)];
	if (!both)
		return 0;
	*abi = abi_of(number);
	return *abi == KH_ABI_COMPAT ? both >> 8 : both;
}

/* Does the call open a file? Of those the ones that rules want to know of are told, and no others. */
static __always_inline bool is_open(__u32 op)
{
	return op >= KH_OP_OPEN;
}

static __always_inline __u8 op_of(long number, __u8 *abi)
{
	return op_in(calls, number, abi);
}

#endif
