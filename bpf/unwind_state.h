/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * The state of a walk of a user stack: all that is needed to go on with it, in another program or
 * in user space (unwinder.h).
 */
#pragma once

#ifndef UNWIND_INLINE
#define UNWIND_INLINE static inline __attribute__((always_inline))
#endif

/* What is rare, or long and used often: code that is not hot should not stand between that which
 * is. */
#ifndef UNWIND_NOINLINE
#define UNWIND_NOINLINE static __attribute__((noinline, unused))
#endif

/* The verifier must see that very value compared with a bound which is used as an index then, 64
 * bits wide: here the compiler forgets what else it knows of it. */
#define UNWIND_SEEN(value) __asm__ volatile("" : "+r"(value))

#include "bpf/unwind_arch.h"

#define UNWIND_BLOCK_WORDS 64

/* A record whose walk stopped for want of rows or mappings goes on in user space: behind its labels
 * stand this header, the state up to its block, and a copy of the stack. */
struct unwind_suspended {
	__u64 stack_start; /* the copy's address */
	__u32 stack_size;  /* bytes; less than all where memory ends, or the limit */
	__u32 state_size;  /* UNWIND_STATE_SAVED */
};
#define UNWIND_STATE_SAVED offsetof(struct unwind_state, block)
/* The copy is read page by page, so that a page that is not there costs no more than itself. User
 * space sets how many there are at most, fewer while many stacks wait. */
#define UNWIND_PAGE	       4096
#define UNWIND_SUSPENDED_PAGES 15 /* whole ones, behind the part of one that sp stands in */
#define UNWIND_SUSPENDED_STACK ((UNWIND_SUSPENDED_PAGES + 1) * UNWIND_PAGE)

struct unwind_state {
	__u64 ip;
	__u64 sp;
	__u64 fp;
	__u64 signal_frame; /* address of the registers of the frame below, 0: none */
	__u32 frame_count;
	__u32 end;	   /* enum pprofd_stack_end, valid after unwind_step() returned 1 */
	__u32 exact;	   /* ip is an instruction's address, not a return address */
	__u32 leaf;	   /* no step has been taken: registers[] hold */
	__u32 guess;	   /* this frame or one below it was found by a frame pointer */
	__u32 no_fp;	   /* fp is lost */
	__u32 descents;	   /* how often a caller's sp was not above its callee's */
	__u32 block_words; /* of block[], valid from block_start on */
	__u64 block_start;
	__u64 registers[UNWIND_REGISTERS]; /* of the leaf, by DWARF number */
	__u64 block[UNWIND_BLOCK_WORDS];
};
