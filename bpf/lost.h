/* SPDX-License-Identifier: GPL-2.0-only */
/* The count of what did not reach user space. */
#ifndef KEYHOLE_LOST_H
#define KEYHOLE_LOST_H

#include "event.h"
#include "read.h"

/* What is missing, by enum kh_kind and enum kh_loss. */
__u64 lost[KH_LOSSES];

static __always_inline void count_lost(__u32 why)
{
	__sync_fetch_and_add(&lost[why & (KH_LOSSES - 1)], 1);
}

#endif
