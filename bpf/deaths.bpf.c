// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * Tells of processes that a signal ends, so that user space can keep what they did before.
 * Optional: where a kernel refuses it, no death is told of.
 *
 * Every thread of a process that a signal ends has it as its exit code; the leader speaks for all,
 * or, where that had ended before, the last one. Some die twice so: user space takes the first.
 */
#include "bpf/maps.h"

#include <bpf/bpf_tracing.h>

SEC("tp_btf/sched_process_exit")
int BPF_PROG(report_death, struct task_struct *task)
{
	__u32 signal = (__u32)task->exit_code & 0x7f;
	struct pprofd_death death = {};

	if (signal >= 32 || !(PPROFD_DEADLY_SIGNALS & 1U << signal))
		return 0;
	if (task->pid != task->tgid && task->signal->live.counter > 0)
		return 0;
	death.header.size = sizeof(death);
	death.header.type = PPROFD_RECORD_DEATH;
	death.header.header_size = sizeof(death);
	death.header.time = bpf_ktime_get_ns();
	death.start_time = task->group_leader->start_boottime;
	death.pid = (__u32)task->tgid;
	death.signal = (__u16)signal;
	death.out_of_memory = signal == 9 && task->signal->oom_mm;
	bpf_ringbuf_output(&samples, &death, sizeof(death), BPF_RB_NO_WAKEUP);
	return 0;
}
