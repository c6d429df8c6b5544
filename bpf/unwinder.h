/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * The walk of a user stack, one frame a step. Plain C without loops or helpers of its own: memory
 * is read through unwind_read(), which the includer defines (a BPF helper in the kernel, whatever
 * a test likes in user space), and the includer repeats unwind_step() until it says stop.
 *
 * The state is all there is: registers of the frame reached so far and the frames found. Another
 * program may continue where one stopped.
 *
 * Rule used: frame pointers (System V ABI x86-64, 3.2.2): [rbp] holds the caller's rbp, [rbp+8]
 * the return address, and the outermost frame has rbp = 0. Callers found so are marked heuristic:
 * nothing proves that rbp is a frame pointer. The leaf comes from the registers and is exact.
 */
#pragma once

#include "bpf/abi.h"

#ifndef UNWIND_INLINE
#define UNWIND_INLINE static inline __attribute__((always_inline))
#endif

/* User addresses end here, with five-level page tables too. */
#define UNWIND_USER_END (1ULL << 56)

struct unwind_state {
	__u64 ip;
	__u64 sp;
	__u64 fp;
	__u64 *frames; /* room for PPROFD_MAX_USER_FRAMES words */
	__u32 frame_count;
	__u32 end; /* enum pprofd_stack_end, valid after unwind_step() returned 1 */
};

/* Reads size bytes of the target's memory at address; 0, or negative where it can't be read. */
UNWIND_INLINE long unwind_read(void *to, __u32 size, __u64 address);

UNWIND_INLINE int unwind_stop(struct unwind_state *state, enum pprofd_stack_end end)
{
	state->end = end;
	return 1;
}

UNWIND_INLINE int unwind_push(struct unwind_state *state, __u64 word)
{
	__u32 at = state->frame_count;

	if (at >= PPROFD_MAX_USER_FRAMES)
		return unwind_stop(state, PPROFD_STACK_FRAME_LIMIT);
	state->frames[at] = word;
	state->frame_count = at + 1;
	return 0;
}

/* Begins with the leaf's registers: its frame is the first. */
UNWIND_INLINE int unwind_begin(struct unwind_state *state, __u64 ip, __u64 sp, __u64 fp)
{
	state->ip = ip;
	state->sp = sp;
	state->fp = fp;
	state->frame_count = 0;
	state->end = PPROFD_STACK_COMPLETE;
	return unwind_push(state, ip & PPROFD_FRAME_PAYLOAD_MASK);
}

/* Goes to the caller. 0: one frame more; 1: the walk is over, state->end says why. */
UNWIND_INLINE int unwind_step(struct unwind_state *state)
{
	struct {
		__u64 fp;
		__u64 return_address;
	} frame;

	if (state->fp == 0)
		return unwind_stop(state, PPROFD_STACK_COMPLETE);
	/* The stack grows down: a caller's frame lies above its callee's. */
	if (state->fp < state->sp || (state->fp & 7) != 0 || state->fp >= UNWIND_USER_END)
		return unwind_stop(state, PPROFD_STACK_BAD_FRAME_POINTER);
	if (unwind_read(&frame, sizeof(frame), state->fp) != 0)
		return unwind_stop(state, PPROFD_STACK_READ_FAILED);
	if (frame.return_address == 0)
		return unwind_stop(state, PPROFD_STACK_COMPLETE);
	if (frame.return_address >= UNWIND_USER_END)
		return unwind_stop(state, PPROFD_STACK_BAD_RETURN_ADDRESS);
	state->ip = frame.return_address;
	state->sp = state->fp + sizeof(frame);
	state->fp = frame.fp;
	return unwind_push(state, (frame.return_address - 1) | ((__u64)PPROFD_FRAME_NATIVE_HEURISTIC
								<< PPROFD_FRAME_KIND_SHIFT));
}
