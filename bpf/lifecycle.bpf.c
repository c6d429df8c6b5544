// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Keeps the filter and the unwinder's knowledge right where user space would be too late. Children
 * of a target are targets from their first instruction, and a verdict that was made for one program
 * ends with its exec. A child has its parent's mappings; a program that executes another has none
 * that are known.
 *
 * Optional: where a kernel refuses these, user space does the same from its own process events,
 * a moment later.
 */
#include "bpf/maps.h"
#include "bpf/unwind_maps.h"

#include <bpf/bpf_tracing.h>

static __always_inline void inherit_mappings(__u32 parent_pid, struct task_struct *parent,
					     __u32 child_pid, struct task_struct *child)
{
	struct pprofd_process *entry = bpf_map_lookup_elem(&processes, &parent_pid), inherited;

	if (!entry)
		return;
	if (entry->start_time != 0 && entry->start_time != parent->group_leader->start_boottime)
		return;
	inherited = *entry;
	inherited.start_time = child->start_boottime;
	inherited.pid = child_pid;
	bpf_map_update_elem(&processes, &child_pid, &inherited, BPF_ANY);
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(follow_fork, struct task_struct *parent, struct task_struct *child)
{
	__u32 parent_pid = (__u32)parent->tgid;
	__u32 child_pid = (__u32)child->tgid;
	struct pprofd_process_verdict *entry, inherited;

	if (parent_pid == child_pid)
		return 0;
	inherit_mappings(parent_pid, parent, child_pid, child);
	entry = bpf_map_lookup_elem(&verdicts, &parent_pid);
	if (!entry || !entry->children)
		return 0;
	if (entry->start_time != 0 && entry->start_time != parent->group_leader->start_boottime)
		return 0;
	inherited = *entry;
	inherited.start_time = child->start_boottime;
	if (bpf_map_update_elem(&verdicts, &child_pid, &inherited, BPF_ANY) != 0)
		count(PPROFD_COUNT_FORK_UNFOLLOWED);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(follow_exec, struct task_struct *task)
{
	__u32 pid = (__u32)task->tgid;
	struct pprofd_process_verdict *entry = bpf_map_lookup_elem(&verdicts, &pid);

	bpf_map_delete_elem(&processes, &pid);
	if (!entry)
		return 0;
	if (entry->verdict == PPROFD_INCLUDE_FROM_EXEC)
		entry->verdict = PPROFD_INCLUDE;
	else if (entry->until_exec)
		bpf_map_delete_elem(&verdicts, &pid);
	return 0;
}
