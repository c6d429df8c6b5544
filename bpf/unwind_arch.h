/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * All that the unwinder must know of an architecture: the registers it carries from frame to frame
 * under their DWARF numbers, and where a signal frame keeps them.
 *
 * Sources: System V ABI x86-64 figure 3.36 and arch/x86/include/uapi/asm/sigcontext.h; DWARF for
 * the Arm 64-bit architecture table 1 and arch/arm64/include/uapi/asm/sigcontext.h.
 */
#pragma once

#if defined(__TARGET_ARCH_arm64) || (!defined(__TARGET_ARCH_x86) && defined(__aarch64__))

#define UNWIND_REGISTERS 32 /* x0..x30, sp */
#define UNWIND_SP	 31
#define UNWIND_FP	 29
#define UNWIND_LR	 30
/* At a trampoline sp points to struct rt_sigframe: siginfo (128), ucontext up to its sigcontext
 * (176: flags, link, stack, mask, padding to 16), fault address (8), then x0..x30, sp, pc. */
#define UNWIND_SIGNAL_REGISTERS 312
#define UNWIND_SIGNAL_PC	(UNWIND_SIGNAL_REGISTERS + 32 * 8)
/* A return address signed by pointer authentication carries its code above the address bits. */
#define UNWIND_ADDRESS_MASK 0x0000ffffffffffffULL

/* Where the signal frame at sp keeps a register. */
UNWIND_INLINE __u32 unwind_signal_offset(__u32 reg)
{
	return UNWIND_SIGNAL_REGISTERS + (reg & 31) * 8;
}

#else

#define UNWIND_REGISTERS	16
#define UNWIND_SP		7
#define UNWIND_FP		6
/* At a trampoline the return address is popped, so that sp points to the ucontext: flags (8), link
 * (8), stack (24), then struct sigcontext: r8..r15, di, si, bp, bx, dx, ax, cx, sp, ip. */
#define UNWIND_SIGNAL_REGISTERS 40
#define UNWIND_SIGNAL_PC	(UNWIND_SIGNAL_REGISTERS + 16 * 8)
#define UNWIND_ADDRESS_MASK	0xffffffffffffffffULL

/* Where the signal frame at sp keeps a register: its place in struct sigcontext by DWARF number,
 * a hexadecimal digit each. */
UNWIND_INLINE __u32 unwind_signal_offset(__u32 reg)
{
	const __u64 places = 0x76543210FA89BECDULL; /* r15..r8, sp, bp, di, si, bx, cx, dx, ax */

	return UNWIND_SIGNAL_REGISTERS + (__u32)((places >> ((reg & 15) * 4)) & 15) * 8;
}

#endif
