/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * The kernel's types as far as the BPF programs touch them: names and members only, their places
 * are relocated at load time from the running kernel's BTF (CO-RE). Add a member when a program
 * needs it, never a whole structure.
 */
#pragma once

typedef unsigned char __u8;
typedef signed char __s8;
typedef unsigned short __u16;
typedef short __s16;
typedef unsigned int __u32;
typedef int __s32;
typedef unsigned long long __u64;
typedef long long __s64;
/* libbpf's helper prototypes name these. */
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
};

enum {
	BPF_F_NO_PREALLOC = 1,
};

enum {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_CGROUP_ARRAY = 8,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
};

/* The layout of x86-64's registers is fixed by the user API (arch/x86/include/uapi/asm/ptrace.h),
 * so no relocation: the verifier wants whole words at these places. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

/* include/uapi/linux/bpf_perf_event.h */
struct bpf_perf_event_data {
	struct pt_regs regs;
	__u64 sample_period;
	__u64 addr;
};

#define offsetof(type, member) __builtin_offsetof(type, member)

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live; /* threads that have not begun to exit */
	void *oom_mm;  /* not null: chosen to die as memory ran out */
};

struct task_struct {
	unsigned int flags;
	int exit_code; /* as wait(2) tells it */
	int pid;
	int tgid;
	struct task_struct *group_leader;
	struct signal_struct *signal; /* of the process */
	void *mm; /* null: a kernel thread, or a process that is ending and has no memory left */
	__u64 start_boottime;
	char comm[16];
};

#pragma clang attribute pop
