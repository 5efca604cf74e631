// SPDX-License-Identifier: GPL-2.0-only
/*
 * The programs of the attach mode "fentry", in one object: libbpf reads the
 * types of the whole kernel once for each object that it loads.
 */
#define KEYHOLE_TRAMPOLINES
/* its programs run for the calls of the list alone, and typed pointers take the verifier longer than all the rest */
#ifndef KEYHOLE_PROBE_READ
#define KEYHOLE_PROBE_READ
#endif
#undef KEYHOLE_CAST
#include "copies.h"
#include "installed.h"
#include "inventory.h"
#include "life.h"
#include "refused.h"
#include "trampolines.h"

char LICENSE[] SEC("license") = "GPL";
