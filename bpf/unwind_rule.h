/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * Unwind rows: how to get from a frame to its caller, for every address of an executable.
 *
 * A row holds from its address to the next row's. It names a rule; rules are few (some thousands on
 * a whole machine) and shared by all executables, so that a row is four bytes: the low 16 bits of
 * its address and the rule's index. Rules are made from .eh_frame and .debug_frame by the row
 * compiler (symbolizer/unwind) and applied by the unwinder; both take them from here.
 *
 * Registers are the architecture's two that matter, stack pointer (sp: rsp, sp) and frame pointer
 * (fp: rbp, x29), and on arm64 the link register. A rule says, in this order:
 *   cfa  the canonical frame address, from sp or fp; it is the caller's sp
 *   fp   where the caller's fp is
 *   ra   where the return address is
 *
 * Two rows one push or pop apart are merged into one: from merge_at bytes behind the row's address
 * on, the CFA's offset is merge_delta larger; all else is the same.
 */
#pragma once

enum unwind_cfa {
	UNWIND_CFA_NONE = 0,	/* a gap: no row covers these addresses */
	UNWIND_CFA_SP,		/* sp + cfa_offset */
	UNWIND_CFA_FP,		/* fp + cfa_offset */
	UNWIND_CFA_DEREF_SP,	/* *(sp + deref_offset) + cfa_offset */
	UNWIND_CFA_DEREF_FP,	/* *(fp + deref_offset) + cfa_offset: realigned stacks */
	UNWIND_CFA_PLT,		/* sp + cfa_offset + ((pc & 15) >= deref_offset ? 8 : 0) */
	UNWIND_CFA_REGISTER,	/* register cfa_register + cfa_offset: known at the leaf alone */
	UNWIND_CFA_SIGNAL,	/* a signal trampoline: all registers are in the frame at sp */
	UNWIND_CFA_UNSUPPORTED, /* an expression of another shape */
};

enum unwind_fp {
	UNWIND_FP_UNCHANGED = 0, /* or undefined: nothing may rely on it */
	UNWIND_FP_AT_CFA,	 /* *(cfa + fp_offset) */
	UNWIND_FP_AT_FP,	 /* *(fp + fp_offset), by an expression */
	UNWIND_FP_REGISTER,	 /* in register fp_offset: known at the leaf alone */
	UNWIND_FP_UNSUPPORTED,	 /* an expression of another shape: lost from here on */
};

enum unwind_ra {
	UNWIND_RA_AT_CFA = 0, /* *(cfa + ra_offset) */
	UNWIND_RA_UNDEFINED,  /* the outermost frame: the stack is complete */
	UNWIND_RA_REGISTER, /* in register ra_offset: known at the leaf alone (vfork; arm64's lr) */
	UNWIND_RA_UNSUPPORTED,
};

struct unwind_rule {
	__u8 cfa;	   /* enum unwind_cfa */
	__u8 fp;	   /* enum unwind_fp */
	__u8 ra;	   /* enum unwind_ra */
	__u8 cfa_register; /* DWARF number */
	__s32 cfa_offset;
	__s32 fp_offset; /* or a DWARF register number */
	__s32 ra_offset; /* or a DWARF register number */
	__s16 deref_offset;
	__s16 merge_delta; /* 0: not merged */
	__u8 merge_at;	   /* bytes */
	__u8 flags;	   /* enum unwind_rule_flags */
	__u16 reserved;	   /* 0 */
};

enum unwind_rule_flags {
	UNWIND_RULE_SIGNAL_FRAME = 1 << 0, /* 'S': the caller's pc is no return address */
	UNWIND_RULE_PAC = 1 << 1,	   /* arm64: the return address is signed, strip it */
	/* The caller's sp is not the CFA but in the register that deref_offset names: known at the
	   leaf alone (longjmp). */
	UNWIND_RULE_SP_REGISTER = 1 << 2,
};

static_assert(sizeof(struct unwind_rule) == 24, "no hidden padding");
