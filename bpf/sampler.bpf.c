// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * The sampler: runs at each tick of a CPU's perf event, in interrupt context, and writes one
 * record (abi.h) for the thread it interrupted, if that is a target.
 *
 * The record is built in a buffer of the CPU's own and copied into the ring at its true size:
 * a reservation needs a size known at load time, and the ticks of one CPU do not nest.
 */
#include "bpf/filter.h"
#include "bpf/maps.h"
#include "bpf/unwind_lookup.h"
#include "bpf/unwind_maps.h"
#include "bpf/unwinder.h"

char LICENSE[] SEC("license") = "GPL";

/* include/linux/sched.h; the values have not moved since 5.12 and 6.4. */
#define PF_IO_WORKER   0x00000010
#define PF_USER_WORKER 0x00004000
#define PF_KTHREAD     0x00200000

/* arch/x86/include/asm/segment.h */
#define USER32_CS 0x23

/* arch/x86/entry/syscalls/syscall_64.tbl */
#define NR_EXECVE   59
#define NR_EXECVEAT 322

/* The unwinder's own, the record as it is sent, and the rules of the frames met last. */
struct scratch {
	/* Here and not on the stack so that another program may go on with it. */
	struct unwind_state unwind;
	__u32 first; /* of the user frames in frames[] */
	__u32 space;
	__u32 mappings;
	struct pprofd_sample sample;
	__u64 frames[PPROFD_MAX_FRAMES];
	__u8 suspended[sizeof(struct unwind_suspended) + UNWIND_STATE_SAVED +
		       UNWIND_SUSPENDED_STACK];
	struct rule_cache rules;
};

/* By CPU; an element of a per-CPU map could not be so large. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1); /* set at load */
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

UNWIND_INLINE const struct pprofd_space_chunk *
unwind_space_chunk(void *world, const struct pprofd_chunk_key *key)
{
	return bpf_map_lookup_elem(&spaces, key);
}

UNWIND_INLINE const struct pprofd_table_chunk *
unwind_table_chunk(void *world, const struct pprofd_chunk_key *key)
{
	return bpf_map_lookup_elem(&tables, key);
}

UNWIND_INLINE const struct unwind_rule *unwind_rule_at(void *world, __u32 index)
{
	return bpf_map_lookup_elem(&rules, &index);
}

UNWIND_INLINE struct scratch *scratch_of(struct unwind_state *state)
{
	return (void *)state - offsetof(struct scratch, unwind);
}

UNWIND_INLINE long unwind_read(struct unwind_state *state, void *to, __u32 size, __u64 address)
{
	return bpf_probe_read_user(to, size, (const void *)address);
}

UNWIND_INLINE __u64 *unwind_slot(struct unwind_state *state, __u32 index)
{
	struct scratch *scratch = scratch_of(state);

	index += scratch->first;
	/* Both bounds: frames of the user's and room there is. */
	if (index >= PPROFD_MAX_FRAMES || index - scratch->first >= PPROFD_MAX_USER_FRAMES)
		return 0;
	return &scratch->frames[index];
}

UNWIND_INLINE enum unwind_lookup unwind_find(struct unwind_state *state, __u64 pc,
					     struct unwind_found *found)
{
	struct scratch *scratch = scratch_of(state);

	if (!scratch->space)
		return UNWIND_PENDING;
	return look_up(0, scratch->space, scratch->mappings, &scratch->rules, pc, found);
}

struct unwind_loop {
	struct scratch *scratch;
};

static long next_frame(__u32 index, struct unwind_loop *loop)
{
	return unwind_step(&loop->scratch->unwind);
}

/* The thread's user registers: those interrupted, or those saved when it entered the kernel. By
 * DWARF number, as rules name them. Returns cs. */
#define COPY_REGISTERS(unwind, regs)                                                               \
	do {                                                                                       \
		(unwind)->ip = (regs)->ip;                                                         \
		(unwind)->sp = (regs)->sp;                                                         \
		(unwind)->fp = (regs)->bp;                                                         \
		(unwind)->registers[0] = (regs)->ax;                                               \
		(unwind)->registers[1] = (regs)->dx;                                               \
		(unwind)->registers[2] = (regs)->cx;                                               \
		(unwind)->registers[3] = (regs)->bx;                                               \
		(unwind)->registers[4] = (regs)->si;                                               \
		(unwind)->registers[5] = (regs)->di;                                               \
		(unwind)->registers[8] = (regs)->r8;                                               \
		(unwind)->registers[9] = (regs)->r9;                                               \
		(unwind)->registers[10] = (regs)->r10;                                             \
		(unwind)->registers[11] = (regs)->r11;                                             \
		(unwind)->registers[12] = (regs)->r12;                                             \
		(unwind)->registers[13] = (regs)->r13;                                             \
		(unwind)->registers[14] = (regs)->r14;                                             \
		(unwind)->registers[15] = (regs)->r15;                                             \
	} while (0)

static __always_inline __u16 read_user_registers(struct bpf_perf_event_data *ctx,
						 struct task_struct *task, bool in_kernel,
						 struct unwind_state *unwind)
{
	if (!in_kernel) {
		COPY_REGISTERS(unwind, &ctx->regs);
		return (__u16)ctx->regs.cs;
	}

	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

	COPY_REGISTERS(unwind, regs);
	/* 64 bits wide up to 6.8, 16 bits since: the low 16 are right in both. */
	return *(volatile __u16 *)&regs->cs;
}

/* Whether the thread is where execve has replaced its memory, but not yet its registers: those, and
 * the stack, are of a program that is no more. */
static __always_inline bool is_between_programs(struct task_struct *task, __u64 sp)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	__u64 number = regs->orig_ax, word;

	return (number == NR_EXECVE || number == NR_EXECVEAT) &&
	       bpf_probe_read_user(&word, sizeof(word), (const void *)sp) != 0;
}

static __always_inline void find_space(struct scratch *scratch)
{
	__u32 pid = scratch->sample.pid;
	const struct pprofd_process *process = bpf_map_lookup_elem(&processes, &pid);
	struct pprofd_process copy;

	scratch->space = 0;
	if (!process)
		return;
	copy = *process;
	if (!STILL_OF(process->pid, pid))
		return;
	if (copy.start_time != 0 && copy.start_time != scratch->sample.start_time)
		return;
	scratch->space = copy.space;
	scratch->mappings = copy.mappings;
}

static __always_inline void take_user_stack(struct bpf_perf_event_data *ctx,
					    struct task_struct *task, struct scratch *scratch,
					    __u32 first, bool in_kernel)
{
	struct unwind_loop loop = {.scratch = scratch};
	struct unwind_state *unwind = &scratch->unwind;
	__u16 cs;

	if (!task->mm || (task->flags & (PF_KTHREAD | PF_IO_WORKER | PF_USER_WORKER))) {
		scratch->sample.stack_end = PPROFD_STACK_NO_USER_STACK;
		return;
	}
	cs = read_user_registers(ctx, task, in_kernel, unwind);
	if (in_kernel && is_between_programs(task, unwind->sp)) {
		scratch->sample.stack_end = PPROFD_STACK_NO_USER_STACK;
		return;
	}
	scratch->first = first;
	find_space(scratch);
	unwind_begin(unwind);
	if (cs == USER32_CS)
		unwind->end = PPROFD_STACK_COMPAT;
	else
		bpf_loop(PPROFD_MAX_USER_FRAMES + 1, next_frame, &loop, 0);
	scratch->sample.user_frames = (__u16)unwind->frame_count;
	scratch->sample.stack_end = (__u16)unwind->end;
}

/* Returns the number of words, at most PPROFD_MAX_KERNEL_FRAMES. */
static __always_inline __u32 take_kernel_stack(struct bpf_perf_event_data *ctx, __u64 *frames)
{
	long size = bpf_get_stack(ctx, frames, PPROFD_MAX_KERNEL_FRAMES * sizeof(__u64), 0);
	__u32 words = size <= 0 ? 0 : (__u32)size / sizeof(__u64);

	return words > PPROFD_MAX_KERNEL_FRAMES ? PPROFD_MAX_KERNEL_FRAMES : words;
}

/* Puts what user space needs to go on behind the frames. Returns its bytes. */
static __always_inline __u32 suspend(const struct pprofd_config *cfg, struct scratch *scratch,
				     __u32 words)
{
	struct unwind_state *unwind = &scratch->unwind;
	__u64 start = unwind->sp, at;
	struct unwind_suspended *head;
	__u32 size = 0, chunk, pages = cfg->copy_pages;
	__u8 *stack;

	if (words > PPROFD_MAX_FRAMES)
		return 0;
	head = (void *)&scratch->frames[words];
	if (unwind->signal_frame != 0 && unwind->signal_frame < start)
		start = unwind->signal_frame;
	start &= ~7ULL;
	__builtin_memcpy(head + 1, unwind, UNWIND_STATE_SAVED);
	stack = (void *)(head + 1) + UNWIND_STATE_SAVED;
	if (pages > 1 && bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) > cfg->few_bytes)
		pages = 1;
	for (__u32 i = 0; i <= UNWIND_SUSPENDED_PAGES && i <= pages; i++) {
		at = start + size;
		chunk = UNWIND_PAGE - (at & (UNWIND_PAGE - 1));
		if (size > UNWIND_SUSPENDED_STACK - UNWIND_PAGE ||
		    bpf_probe_read_user(stack + size, chunk, (const void *)at) != 0)
			break;
		size += chunk;
	}
	head->stack_start = start;
	head->stack_size = size;
	head->state_size = UNWIND_STATE_SAVED;
	scratch->sample.flags |= PPROFD_SAMPLE_SUSPENDED;
	return sizeof(*head) + UNWIND_STATE_SAVED + size;
}

static __always_inline void count_drop(__u32 pid, __u64 start_time)
{
	struct pprofd_process_key key = {.start_time = start_time, .pid = pid};
	struct pprofd_process_drops first = {};
	struct pprofd_process_drops *process;

	count(PPROFD_COUNT_DROPPED_RING_FULL);
	process = bpf_map_lookup_elem(&drops, &key);
	if (!process) {
		bpf_map_update_elem(&drops, &key, &first, BPF_NOEXIST);
		process = bpf_map_lookup_elem(&drops, &key);
	}
	if (process)
		__sync_fetch_and_add(&process->ring_full, 1);
	else
		count(PPROFD_COUNT_DROPPED_UNATTRIBUTED);
}

static __always_inline void fill_header(struct pprofd_sample *sample, struct task_struct *task,
					__u64 value, __u32 flags)
{
	sample->header.type = PPROFD_RECORD_SAMPLE;
	sample->header.header_size = sizeof(*sample);
	sample->header.time = bpf_ktime_get_ns();
	sample->value = value;
	sample->tid = (__u32)task->pid;
	sample->cpu = bpf_get_smp_processor_id();
	sample->flags = flags;
	sample->kernel_frames = 0;
	sample->user_frames = 0;
	sample->stack_end = PPROFD_STACK_NOT_WANTED;
	sample->labels_size = 0;
	bpf_get_current_comm(sample->thread, sizeof(sample->thread));
}

/* Returns whether the ring had room for it. `extra`: bytes behind the frames. */
static __always_inline bool send(const struct pprofd_config *cfg, struct scratch *scratch,
				 __u32 words, __u32 extra)
{
	__u64 size = sizeof(scratch->sample) + words * sizeof(__u64) + extra;

	if (size > offsetof(struct scratch, rules) - offsetof(struct scratch, sample))
		return false;
	scratch->sample.header.size = (__u32)size;
	/* The reader drains at its own pace; it is woken only when the ring fills up. */
	__u64 wake = bpf_ringbuf_query(&samples, BPF_RB_AVAIL_DATA) > cfg->wakeup_bytes
			     ? BPF_RB_FORCE_WAKEUP
			     : BPF_RB_NO_WAKEUP;

	return bpf_ringbuf_output(&samples, &scratch->sample, size, wake) == 0;
}

/* The kernel counts run time too, but only where CAP_SYS_ADMIN asks it to. */
static __always_inline void count_run_time(const struct scratch *scratch)
{
	count_by(PPROFD_COUNT_RUN_NANOS, bpf_ktime_get_ns() - scratch->sample.header.time);
}

SEC("perf_event")
int sample_cpu(struct bpf_perf_event_data *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_struct *leader = task->group_leader;
	const struct pprofd_config *cfg = get_config();
	__u32 pid = (__u32)task->tgid;
	__u64 start_time = leader->start_boottime;
	enum pprofd_verdict verdict;
	struct scratch *scratch;
	__u32 cpu = bpf_get_smp_processor_id(), flags = 0, extra = 0, words;

	if (pid == 0 || !cfg) {
		count(PPROFD_COUNT_IDLE);
		return 0;
	}
	verdict = decide(cfg, leader, pid, start_time);
	if (verdict == PPROFD_EXCLUDE) {
		count(PPROFD_COUNT_FILTERED);
		return 0;
	}
	scratch = bpf_map_lookup_elem(&scratches, &cpu);
	if (!scratch) {
		count(PPROFD_COUNT_DROPPED_NO_SCRATCH);
		return 0;
	}
	/* The low two bits of cs are the privilege level: 0 in the kernel. */
	bool in_kernel = (ctx->regs.cs & 3) == 0;

	if (in_kernel)
		flags |= PPROFD_SAMPLE_IN_KERNEL;
	if (task->flags & PF_KTHREAD)
		flags |= PPROFD_SAMPLE_KERNEL_THREAD;
	if (verdict == PPROFD_UNDECIDED)
		flags |= PPROFD_SAMPLE_UNDECIDED;
	fill_header(&scratch->sample, task, ctx->sample_period, flags);
	scratch->sample.pid = pid;
	scratch->sample.start_time = start_time;

	words = 0;
	if (in_kernel && cfg->kernel_stacks)
		words = take_kernel_stack(ctx, scratch->frames);
	scratch->sample.kernel_frames = (__u16)words;
	if (cfg->user_stacks)
		take_user_stack(ctx, task, scratch, words, in_kernel);
	/* A full buffer means that the kernel's walk was cut: its limit is as large as ours. */
	if (words == PPROFD_MAX_KERNEL_FRAMES)
		scratch->sample.stack_end = PPROFD_STACK_KERNEL_LIMIT;

	words += scratch->sample.user_frames;
	if (words > PPROFD_MAX_FRAMES)
		words = PPROFD_MAX_FRAMES;
	if (scratch->sample.stack_end == PPROFD_STACK_PENDING ||
	    scratch->sample.stack_end == PPROFD_STACK_NO_MAPPING)
		extra = suspend(cfg, scratch, words);
	if (!send(cfg, scratch, words, extra)) {
		/* Where there is no room for the stack there may be for the frames. */
		scratch->sample.flags &= ~PPROFD_SAMPLE_SUSPENDED;
		if (!extra || !send(cfg, scratch, words, 0)) {
			count_drop(pid, start_time);
			count_run_time(scratch);
			return 0;
		}
		extra = 0;
	}
	if (extra) {
		count(PPROFD_COUNT_SUSPENDED);
		count_by(PPROFD_COUNT_SUSPENDED_BYTES, extra);
	}
	count(PPROFD_COUNT_WRITTEN);
	count_run_time(scratch);
	return 0;
}
