/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * The walk of a user stack, one frame a step, by unwind rules (unwind_rule.h).
 *
 * Plain C without loops or helpers of its own, so that the same source runs in BPF and in user
 * space. The includer provides what it needs of the world:
 *   unwind_read()  memory of the target
 *   unwind_find()  the rule for a pc
 *   unwind_slot()  where the frames go
 * and repeats unwind_step() until it returns 1. The state is all there is: another program, or
 * another host of this source, may continue where one stopped.
 *
 * A step finds the rule for the frame's pc, computes the canonical frame address (the caller's sp),
 * and loads the return address and the caller's frame pointer. The pc for the look-up is the return
 * address minus one, as a call may be its function's last instruction; not so at the leaf and below
 * a signal frame, where the pc is the interrupted instruction itself. There, and only there, all
 * registers are known.
 *
 * A stack is complete where a rule says that the return address is undefined (the ABI's mark of the
 * outermost frame), or where it is 0. Code without any rule is crossed by its frame pointer,
 * [fp] = caller's fp, [fp + 8] = return address: a guess, and this frame and all above it are
 * marked so. Such a chain is complete where it ends in a 0, but only behind at least one such step:
 * a frame pointer of 0 in code that may use the register for anything says nothing.
 *
 * The stack grows down, so a caller's sp lies above its callee's, unless code switched stacks
 * between them: signals, coroutines, Go. That happens a few times in a stack; a walk that goes down
 * more often than UNWIND_MAX_DESCENTS runs in circles.
 *
 * The stack is read in blocks: a read of 512 bytes costs the kernel what one of 8 does.
 */
#pragma once

#include "bpf/abi.h"
#include "bpf/unwind_state.h"
#include "bpf/unwind_tables.h"

/* User addresses end here, with five-level page tables too. */
#define UNWIND_USER_END (1ULL << 56)

#define UNWIND_MAX_DESCENTS 64

/* Reads size bytes of the target's memory at address; 0, or negative where it can't be read. */
UNWIND_INLINE long unwind_read(struct unwind_state *state, void *to, __u32 size, __u64 address);
/* The rule that holds at pc, merged rows resolved. */
UNWIND_INLINE enum unwind_lookup unwind_find(struct unwind_state *state, __u64 pc,
					     struct unwind_found *found);
/* Where frame word `index` goes; null where there is no room for it. */
UNWIND_INLINE __u64 *unwind_slot(struct unwind_state *state, __u32 index);

UNWIND_INLINE int unwind_stop(struct unwind_state *state, enum pprofd_stack_end end)
{
	state->end = end;
	return 1;
}

/* Writes the frame the state stands at. */
UNWIND_INLINE int unwind_push(struct unwind_state *state)
{
	__u64 *slot = unwind_slot(state, state->frame_count);
	__u64 kind = state->guess ? PPROFD_FRAME_NATIVE_HEURISTIC : PPROFD_FRAME_NATIVE;

	if (!slot)
		return unwind_stop(state, PPROFD_STACK_FRAME_LIMIT);
	*slot = ((state->ip - !state->exact) & PPROFD_FRAME_PAYLOAD_MASK) |
		(kind << PPROFD_FRAME_KIND_SHIFT);
	state->frame_count++;
	return 0;
}

/* Loads the words at address into the block, and some below it: the frame pointer is saved below
 * the return address. Fewer where memory ends. */
UNWIND_NOINLINE int unwind_fill(struct unwind_state *state, __u64 address)
{
	__u64 start = address - 6 * 8;

	if (start < (state->sp & ~7ULL) && address >= state->sp)
		start = state->sp & ~7ULL;
	state->block_start = start;
	state->block_words = UNWIND_BLOCK_WORDS;
	if (unwind_read(state, state->block, sizeof(state->block), start) == 0)
		return 0;
	state->block_start = address;
	state->block_words = 16;
	if (unwind_read(state, state->block, 16 * 8, address) == 0)
		return 0;
	state->block_words = 1;
	if (unwind_read(state, state->block, 8, address) == 0)
		return 0;
	state->block_words = 0;
	return -1;
}

UNWIND_INLINE int unwind_word(struct unwind_state *state, __u64 address, __u64 *word)
{
	__u64 index = (address - state->block_start) >> 3;

	if (address & 7)
		return unwind_read(state, word, 8, address) == 0 ? 0 : -1;
	if (address < state->block_start || index >= state->block_words) {
		if (unwind_fill(state, address) != 0)
			return -1;
		index = (address - state->block_start) >> 3;
	}
	UNWIND_SEEN(index);
	if (index >= UNWIND_BLOCK_WORDS)
		return -1;
	*word = state->block[index];
	return 0;
}

/* A register other than sp and fp: known at the leaf, and below a signal frame. */
UNWIND_INLINE int unwind_register(struct unwind_state *state, __u32 reg, __u64 *value)
{
	__u64 index = reg;

	if (reg == UNWIND_SP) {
		*value = state->sp;
		return 0;
	}
	if (reg == UNWIND_FP) {
		*value = state->fp;
		return state->no_fp ? -1 : 0;
	}
	UNWIND_SEEN(index);
	if (index >= UNWIND_REGISTERS)
		return -1;
	if (state->leaf) {
		*value = state->registers[index];
		return 0;
	}
	if (state->signal_frame == 0)
		return -1;
	return unwind_word(state, state->signal_frame + unwind_signal_offset(reg), value);
}

/* The state becomes that of the caller. `exact`: ip is not a return address. */
UNWIND_INLINE int unwind_enter(struct unwind_state *state, __u64 ip, __u64 sp, __u64 fp,
			       __u32 exact)
{
	if (ip >= UNWIND_USER_END)
		return unwind_stop(state, PPROFD_STACK_BAD_RETURN_ADDRESS);
	if (sp <= state->sp && ++state->descents > UNWIND_MAX_DESCENTS)
		return unwind_stop(state, PPROFD_STACK_LOOP);
	state->ip = ip;
	state->sp = sp;
	state->fp = fp;
	state->exact = exact;
	state->signal_frame = 0;
	state->leaf = 0;
	return unwind_push(state);
}

/* Goes from a signal trampoline to the frame that was interrupted. */
UNWIND_INLINE int unwind_cross_signal(struct unwind_state *state)
{
	__u64 frame = state->sp, ip, sp, fp;
	int done;

	if (unwind_word(state, frame + unwind_signal_offset(UNWIND_FP), &fp) != 0 ||
	    unwind_word(state, frame + unwind_signal_offset(UNWIND_SP), &sp) != 0 ||
	    unwind_word(state, frame + UNWIND_SIGNAL_PC, &ip) != 0)
		return unwind_stop(state, PPROFD_STACK_READ_FAILED);
	state->no_fp = 0;
	done = unwind_enter(state, ip, sp, fp, 1);
	state->signal_frame = frame;
	return done;
}

/* Crosses a frame by its frame pointer. `otherwise`: why the stack ends here if that can't be. */
UNWIND_INLINE int unwind_by_frame_pointer(struct unwind_state *state,
					  enum pprofd_stack_end otherwise)
{
	__u64 fp = state->fp, caller_fp, ip;

	if (state->no_fp)
		return unwind_stop(state, otherwise);
	if (fp == 0 && state->guess)
		return unwind_stop(state, PPROFD_STACK_COMPLETE);
	if (fp < state->sp || (fp & 7) != 0 || fp >= UNWIND_USER_END)
		return unwind_stop(state, otherwise);
	if (unwind_word(state, fp + 8, &ip) != 0 || unwind_word(state, fp, &caller_fp) != 0)
		return unwind_stop(state, otherwise);
	ip &= UNWIND_ADDRESS_MASK;
	if (ip == 0)
		return unwind_stop(state, state->guess ? PPROFD_STACK_COMPLETE : otherwise);
	state->guess = 1;
	return unwind_enter(state, ip, fp + 16, caller_fp, 0);
}

UNWIND_INLINE int unwind_cfa(struct unwind_state *state, const struct unwind_found *rule, __u64 pc,
			     __u64 *cfa)
{
	__u64 base;

	switch (rule->cfa) {
	case UNWIND_CFA_SP:
		base = state->sp;
		break;
	case UNWIND_CFA_FP:
		base = state->fp;
		if (state->no_fp)
			return -PPROFD_STACK_UNKNOWN_REGISTER;
		break;
	case UNWIND_CFA_PLT:
		base = state->sp + ((__s64)(pc & 15) >= rule->deref_offset ? 8 : 0);
		break;
	case UNWIND_CFA_DEREF_SP:
		if (unwind_word(state, state->sp + (__u64)(__s64)rule->deref_offset, &base) != 0)
			return -PPROFD_STACK_READ_FAILED;
		break;
	case UNWIND_CFA_DEREF_FP:
		if (state->no_fp)
			return -PPROFD_STACK_UNKNOWN_REGISTER;
		if (unwind_word(state, state->fp + (__u64)(__s64)rule->deref_offset, &base) != 0)
			return -PPROFD_STACK_READ_FAILED;
		break;
	case UNWIND_CFA_REGISTER:
		if (unwind_register(state, rule->cfa_register, &base) != 0)
			return -PPROFD_STACK_UNKNOWN_REGISTER;
		break;
	default:
		return -PPROFD_STACK_UNSUPPORTED_RULE;
	}
	*cfa = base + (__u64)(__s64)rule->cfa_offset;
	return 0;
}

/* A frame pointer that can't be known is lost, but perhaps nothing will ask for it: the stack goes
 * on without. */
UNWIND_INLINE int unwind_caller_fp(struct unwind_state *state, const struct unwind_found *rule,
				   __u64 cfa, __u64 *fp)
{
	__u64 offset = (__u64)(__s64)rule->fp_offset;

	*fp = state->fp;
	switch (rule->fp) {
	case UNWIND_FP_AT_CFA:
		state->no_fp = 0;
		return unwind_word(state, cfa + offset, fp);
	case UNWIND_FP_AT_FP:
		/* A frame saves it within itself. GCC's rules for realigned stacks say so too where
		 * `leave` has restored it already. */
		if (state->no_fp || state->fp + offset < state->sp || state->fp + offset >= cfa)
			return 0;
		return unwind_word(state, state->fp + offset, fp);
	case UNWIND_FP_REGISTER:
		state->no_fp = unwind_register(state, (__u32)rule->fp_offset, fp) != 0;
		return 0;
	case UNWIND_FP_UNSUPPORTED:
		state->no_fp = 1;
		return 0;
	default:
		return 0;
	}
}

UNWIND_INLINE int unwind_return_address(struct unwind_state *state, const struct unwind_found *rule,
					__u64 cfa, __u64 *ip)
{
	switch (rule->ra) {
	case UNWIND_RA_AT_CFA:
		return unwind_word(state, cfa + (__u64)(__s64)rule->ra_offset, ip) == 0
			       ? 0
			       : -PPROFD_STACK_READ_FAILED;
	case UNWIND_RA_REGISTER:
		return unwind_register(state, (__u32)rule->ra_offset, ip) == 0
			       ? 0
			       : -PPROFD_STACK_UNKNOWN_REGISTER;
	default:
		return -PPROFD_STACK_UNSUPPORTED_RULE;
	}
}

/* The word of the block that stands at address; -1: it is not there. */
UNWIND_INLINE int unwind_block_word(const struct unwind_state *state, __u64 address, __u64 *word)
{
	__u64 at = (address - state->block_start) >> 3;

	UNWIND_SEEN(at);
	if (at >= state->block_words || at >= UNWIND_BLOCK_WORDS)
		return -1;
	*word = state->block[at];
	return 0;
}

/* Nearly all rules: the CFA is sp or fp and a number, the return address stands below it, and fp is
 * what it was or is saved below as well. Does such a step and returns 1; where anything is unusual
 * it does nothing and returns 0, and unwind_by_rule() says what to make of it. */
UNWIND_INLINE int unwind_by_simple_rule(struct unwind_state *state, const struct unwind_found *rule)
{
	__u64 cfa, ip, fp = state->fp, *slot;

	if ((rule->cfa != UNWIND_CFA_SP && rule->cfa != UNWIND_CFA_FP) ||
	    rule->ra != UNWIND_RA_AT_CFA || rule->fp > UNWIND_FP_AT_CFA || rule->flags != 0 ||
	    rule->ra_offset != -8 || state->no_fp || state->guess)
		return 0;
	cfa = (rule->cfa == UNWIND_CFA_SP ? state->sp : fp) + (__u64)(__s64)rule->cfa_offset;
	if ((cfa & 7) != 0 || cfa <= state->sp)
		return 0;
	if (unwind_block_word(state, cfa - 8, &ip) != 0 &&
	    (unwind_fill(state, cfa - 8) != 0 || unwind_block_word(state, cfa - 8, &ip) != 0))
		return 0;
	if (rule->fp == UNWIND_FP_AT_CFA &&
	    ((rule->fp_offset & 7) != 0 ||
	     unwind_block_word(state, cfa + (__u64)(__s64)rule->fp_offset, &fp) != 0))
		return 0;
	ip &= UNWIND_ADDRESS_MASK;
	slot = unwind_slot(state, state->frame_count);
	if (ip == 0 || ip >= UNWIND_USER_END || !slot)
		return 0;
	*slot = ((ip - 1) & PPROFD_FRAME_PAYLOAD_MASK) |
		((__u64)PPROFD_FRAME_NATIVE << PPROFD_FRAME_KIND_SHIFT);
	state->frame_count++;
	state->ip = ip;
	state->sp = cfa;
	state->fp = fp;
	state->exact = 0;
	state->signal_frame = 0;
	state->leaf = 0;
	return 1;
}

UNWIND_INLINE int unwind_by_rule(struct unwind_state *state, const struct unwind_found *rule,
				 __u64 pc)
{
	__u64 cfa, ip, sp, fp;
	int error;

	if (rule->cfa == UNWIND_CFA_SIGNAL)
		return unwind_cross_signal(state);
	if (rule->ra == UNWIND_RA_UNDEFINED)
		return unwind_stop(state, PPROFD_STACK_COMPLETE);
	error = unwind_cfa(state, rule, pc, &cfa);
	if (!error)
		error = unwind_return_address(state, rule, cfa, &ip);
	if (error)
		return unwind_stop(state, (enum pprofd_stack_end) - error);
	sp = cfa;
	if ((rule->flags & UNWIND_RULE_SP_REGISTER) &&
	    unwind_register(state, (__u32)rule->deref_offset, &sp) != 0)
		return unwind_stop(state, PPROFD_STACK_UNKNOWN_REGISTER);
	if (unwind_caller_fp(state, rule, cfa, &fp) != 0)
		return unwind_stop(state, PPROFD_STACK_READ_FAILED);
	ip &= UNWIND_ADDRESS_MASK;
	if (ip == 0)
		return unwind_stop(state, PPROFD_STACK_COMPLETE);
	return unwind_enter(state, ip, sp, fp, (rule->flags & UNWIND_RULE_SIGNAL_FRAME) != 0);
}

/* Begins with the leaf: ip, sp, fp and registers[] are set. */
UNWIND_INLINE int unwind_begin(struct unwind_state *state)
{
	state->signal_frame = 0;
	state->frame_count = 0;
	state->end = PPROFD_STACK_COMPLETE;
	state->exact = 1;
	state->leaf = 1;
	state->guess = 0;
	state->no_fp = 0;
	state->descents = 0;
	state->block_words = 0;
	state->block_start = 0;
	return unwind_push(state);
}

/* Goes to the caller. 0: one frame more; 1: the walk is over, state->end says why. */
UNWIND_INLINE int unwind_step(struct unwind_state *state)
{
	__u64 pc = state->ip - !state->exact;
	struct unwind_found rule;

	switch (unwind_find(state, pc, &rule)) {
	case UNWIND_FOUND:
		return unwind_by_simple_rule(state, &rule) ? 0 : unwind_by_rule(state, &rule, pc);
	case UNWIND_NO_MAPPING:
		/* A guess that leads to no code was none. */
		state->frame_count -= state->guess && state->frame_count;
		return unwind_stop(state, PPROFD_STACK_NO_MAPPING);
	case UNWIND_PENDING:
		return unwind_stop(state, PPROFD_STACK_PENDING);
	case UNWIND_NO_ROW:
		return unwind_by_frame_pointer(state, PPROFD_STACK_NO_ROW);
	case UNWIND_NO_UNWIND_INFO:
	default:
		return unwind_by_frame_pointer(state, PPROFD_STACK_NO_UNWIND_INFO);
	}
}
