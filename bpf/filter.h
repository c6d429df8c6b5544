/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * Who is sampled. In this order, the first that knows the process decides:
 *   1. the map `verdicts`: processes named by pid, their children, and those that user space
 *      has decided about;
 *   2. the map `comms`: the name of the process (its leader's);
 *   3. the map `cgroups`: cgroup v2 folders, nested ones included;
 *   4. config.default_verdict.
 */
#pragma once

#include "bpf/maps.h"

static __always_inline enum pprofd_verdict
decide(const struct pprofd_config *cfg, struct task_struct *leader, __u32 pid, __u64 start_time)
{
	/* A look-up in a hash that the caches have forgotten costs as much as all else here. */
	if (cfg->match_pid) {
		struct pprofd_process_verdict *entry = bpf_map_lookup_elem(&verdicts, &pid);

		if (entry && (entry->start_time == 0 || entry->start_time == start_time))
			return entry->verdict == PPROFD_INCLUDE_FROM_EXEC ? PPROFD_EXCLUDE
									  : entry->verdict;
	}
	if (cfg->match_comm) {
		char comm[PPROFD_COMM_SIZE] = {};

		if (bpf_probe_read_kernel_str(comm, sizeof(comm), leader->comm) > 0) {
			/* Behind the NUL the kernel may keep an older, longer name. */
			char key[PPROFD_COMM_SIZE] = {};

			for (int i = 0; i < PPROFD_COMM_SIZE && comm[i]; i++)
				key[i] = comm[i];
			if (bpf_map_lookup_elem(&comms, key))
				return PPROFD_INCLUDE;
		}
	}
	for (__u32 i = 0; i < PPROFD_MAX_CGROUPS; i++) {
		if (i >= cfg->cgroups)
			break;
		if (bpf_current_task_under_cgroup(&cgroups, i) == 1)
			return PPROFD_INCLUDE;
	}
	return cfg->default_verdict;
}
