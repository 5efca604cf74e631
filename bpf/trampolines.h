/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pair of programs for each function that is a system call in some ABI: what is not of the list is not touched. The
 * agent loads those whose function the kernel has.
 *
 * Each does its work itself. A program that all others hand on to by a tail call would be verified once, but is entered
 * past the recursion guard: since 6.13 a program has one stack for each CPU, which two tasks would then share.
 */
#ifndef KEYHOLE_TRAMPOLINES_H
#define KEYHOLE_TRAMPOLINES_H

#include "entry.h"
#include "record.h"
#include "table.h"
#include <bpf/bpf_tracing.h>

#define ENTER(name, function, op)                                                                                      \
	SEC("fentry/" function)                                                                                        \
	int enter_##name(void *ctx)                                                                                    \
	{                                                                                                              \
		return call_entered(op);                                                                               \
	}

#define CALL(name, function, op)                                                                                       \
	ENTER(name, function, op)                                                                                      \
	SEC("fexit/" function)                                                                                         \
	int BPF_PROG(leave_##name, struct pt_regs *regs, long ret)                                                     \
	{                                                                                                              \
		if (!stopped)                                                                                          \
			record_return(CURRENT(), regs, ret, op, abi_of(call_number(regs)), entry_time(),               \
				      (struct opened){});                                                      \
		return 0;                                                                                              \
	}

#if defined(__TARGET_ARCH_x86)
/* x32 calls the functions of the 64-bit ABI */
#define BOTH(name, op)                                                                                                 \
	CALL(name, "__x64_sys_" #name, op)                                                                             \
	CALL(ia32_##name, "__ia32_sys_" #name, op)

CALL(clone3, "__x64_sys_clone3", KH_OP_CLONE3)
CALL(ia32_clone3, "__ia32_sys_clone3", KH_OP_CLONE3)
CALL(clone, "__x64_sys_clone", KH_OP_CLONE)
CALL(ia32_clone, "__ia32_compat_sys_ia32_clone", KH_OP_CLONE)
CALL(ia32_oldumount, "__ia32_sys_oldumount", KH_OP_UMOUNT)
/* since 7.3; the table of 32-bit calls does not have it */
CALL(fchroot, "__x64_sys_fchroot", KH_OP_FCHROOT)
#else
/* the table of 32-bit calls has the same functions */
#define BOTH(name, op) CALL(name, "__arm64_sys_" #name, op)

BOTH(clone, KH_OP_CLONE)
BOTH(fchroot, KH_OP_FCHROOT)	/* since 7.3 */
CALL(clone3, "__arm64_sys_clone3", KH_OP_CLONE3)
#endif

BOTH(setns, KH_OP_SETNS)
BOTH(unshare, KH_OP_UNSHARE)
BOTH(mount, KH_OP_MOUNT)
BOTH(umount, KH_OP_UMOUNT2)
BOTH(fsopen, KH_OP_FSOPEN)
BOTH(fspick, KH_OP_FSPICK)
BOTH(fsconfig, KH_OP_FSCONFIG)
BOTH(fsmount, KH_OP_FSMOUNT)
BOTH(move_mount, KH_OP_MOVE_MOUNT)
BOTH(open_tree, KH_OP_OPEN_TREE)
BOTH(open_tree_attr, KH_OP_OPEN_TREE_ATTR)	/* since 6.15 */
BOTH(mount_setattr, KH_OP_MOUNT_SETATTR)	/* since 5.12 */
BOTH(pivot_root, KH_OP_PIVOT_ROOT)
BOTH(chroot, KH_OP_CHROOT)
BOTH(pidfd_open, KH_OP_PIDFD_OPEN)

#endif
