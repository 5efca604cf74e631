// SPDX-License-Identifier: GPL-2.0-only
/* What the agent looks up between events, in one object: libbpf reads the kernel's types once for each object. */
#include "files.h"
#include "superblocks.h"

char LICENSE[] SEC("license") = "GPL";
