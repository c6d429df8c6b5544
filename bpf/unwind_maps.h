/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * The maps that hold what unwind_tables.h lays out, and the unwinder's access to them. User space
 * (daemon/unwind) fills them; the tracers (lifecycle.bpf.c) keep `processes` right where user space
 * would be too late.
 */
#pragma once

#include "bpf/maps.h"
#include "bpf/unwind_tables.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct pprofd_process);
} processes __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, struct pprofd_chunk_key);
	__type(value, struct pprofd_space_chunk);
} spaces __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536); /* set at load */
	__type(key, struct pprofd_chunk_key);
	__type(value, struct pprofd_table_chunk);
} tables __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PPROFD_MAX_RULES);
	__type(key, __u32);
	__type(value, struct unwind_rule);
} rules __weak SEC(".maps");
