// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs of the attach mode "tracepoint", in one object: libbpf reads the
 * types of the whole kernel once for each object that it loads.
 */
#include "calls.h"
#include "inventory.h"
#include "life.h"

char LICENSE[] SEC("license") = "GPL";
