// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is looked up between events, and by commands that look once, in one object: libbpf reads the kernel's types once
 * for each object. Who loads it chooses the programs.
 */
#include "files.h"
#include "inventory.h"
#include "ns-holders.h"
#include "open-files.h"
#include "superblocks.h"

char LICENSE[] SEC("license") = "GPL";
