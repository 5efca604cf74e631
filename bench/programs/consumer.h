/* SPDX-License-Identifier: GPL-2.0-only */
/* What one setns(2) is to the minimal tracer: bench/floor/line.js reads it too. */
#ifndef CONSUMER_H
#define CONSUMER_H

struct record {
	unsigned long long time;	/* CLOCK_BOOTTIME, nanoseconds */
	long long ret;
	unsigned long long args[6];
	unsigned long long start;	/* of the thread group leader */
	unsigned long long cgroup;
	unsigned int pid, tid, ppid, uid, gid;
	/* inode numbers: mnt, uts, ipc, net, user, cgroup, time, and pid and time for children */
	unsigned int ns[9];
	char comm[16];
	unsigned int reserved[2];
};

_Static_assert(sizeof(struct record) == 160, "bench/floor/line.js has these offsets");

#endif
