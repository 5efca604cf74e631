/*
 * Which mounts there are, as statmount(2) and listmount(2) have it: since Linux 6.8, with the source since 6.14. The
 * headers of most distributions lack all of it.
 */
#pragma once

#include <stdint.h>

#include "call.h"

#define NR_statmount 457
#define NR_listmount 458
#define ROOT_OF_NAMESPACE (~0ULL)
#define NEWEST_FIRST 1
#define WANTED (0x1 | 0x2 | 0x10 | 0x20 | 0x80 | 0x200)

struct mount_request {
	uint32_t size, spare;
	uint64_t mount, param;
};

/* struct statmount of linux/mount.h: strings are offsets into `text`. */
struct mount_status {
	uint32_t size, options;
	uint64_t mask;
	uint32_t major, minor;
	uint64_t magic;
	uint32_t sb_flags, type;
	uint64_t id, parent;
	uint32_t old_id, old_parent;
	uint64_t attributes, propagation, peers, master, from;
	uint32_t root, point;
	uint64_t namespace;
	uint32_t subtype, source;
	uint8_t spare[512 - 128];
	char text[4096];
};

/* The ids of the newest mounts of the caller's namespace; returns how many there are of the `count` that fit. */
static inline long newest_mounts(uint64_t *ids, size_t count)
{
	struct mount_request request = { .size = sizeof(request), .mount = ROOT_OF_NAMESPACE };

	return must(syscall(NR_listmount, &request, ids, count, NEWEST_FIRST), "listmount");
}

static inline void mount_status(uint64_t id, struct mount_status *status)
{
	struct mount_request request = { .size = sizeof(request), .mount = id, .param = WANTED };

	must(syscall(NR_statmount, &request, status, sizeof(*status), 0), "statmount");
}

/* ID OLD MAJOR:MINOR ATTRIBUTES TYPE SOURCE POINT OPTIONS */
static inline void print_mount(FILE *to, const struct mount_status *status)
{
	fprintf(to, "%llu %u %u:%u %llx %s %s %s %s\n", (unsigned long long)status->id, status->old_id, status->major,
		status->minor, (unsigned long long)status->attributes, status->text + status->type,
		status->text + status->source, status->text + status->point, status->text + status->options);
}
