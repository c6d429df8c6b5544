/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * The maps that the programs share; weak, so that the linked object has each once. Sizes marked
 * "set at load" depend on the machine and the frequency; user space sets them before loading.
 */
#pragma once

#include "bpf/kernel_types.h"

#include <bpf/bpf_helpers.h>

#include "bpf/abi.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pprofd_config);
} config __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024); /* set at load */
} samples __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PPROFD_COUNT_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct pprofd_process_key);
	__type(value, struct pprofd_process_drops);
} drops __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct pprofd_process_verdict);
} verdicts __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, char[PPROFD_COMM_SIZE]);
	__type(value, __u8);
} comms __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, PPROFD_MAX_CGROUPS);
	__type(key, __u32);
	__type(value, __u32);
} cgroups __weak SEC(".maps");

static __always_inline void count_by(enum pprofd_counter which, __u64 amount)
{
	__u32 key = which;
	__u64 *value = bpf_map_lookup_elem(&counters, &key);

	if (value)
		*value += amount;
}

static __always_inline void count(enum pprofd_counter which)
{
	count_by(which, 1);
}

static __always_inline const struct pprofd_config *get_config(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}
