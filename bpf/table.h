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

/* Which call of the list a number means in the ABI of the task, 0 for none; sets the ABI. */
static __always_inline __u8 op_of(struct task_struct *task, long number, __u8 *abi)
{
	__u16 both;

	*abi = KH_ABI_NATIVE;
	if ((__u64)(number & ~X32_SYSCALL_BIT) >= CALLS)
		return 0;
	both = calls[number & (CALLS - 1)];
	if (!both)
		return 0;
	if (is_compat(task)) {
		*abi = KH_ABI_COMPAT;
		return both >> 8;
	}
	if (number & X32_SYSCALL_BIT)
		*abi = KH_ABI_X32;
	return both;
}

#endif
