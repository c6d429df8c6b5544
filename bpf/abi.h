/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * What the BPF programs and user space agree on: configuration, filters, records, counters.
 * Plain C for both sides; it depends on nothing but fixed-size integer types, which the includer
 * brings (kernel_types.h in BPF, <linux/types.h> in user space).
 *
 * A record in the ring buffer:
 *
 *   struct pprofd_sample | frame words ... | labels (type-length-value) ... | suspended walk
 *   struct pprofd_death
 *
 * The suspended walk, where flags say so, is what user space needs to go on with the user stack's
 * walk (unwind_state.h).
 *
 * A frame is a 64-bit word whose top byte is its kind. A kernel address is canonical, so its top
 * byte is 0xff already, and a user address's is 0: helpers can write addresses straight into a
 * record. A kind to come may take further words: bits 48..55 of its first word say how many
 * follow, so that a reader skips and counts kinds it does not know.
 * Frames run leaf first, kernel frames before user frames. A native frame's payload is the address
 * for the look-up: the return address minus one, except at the leaf and after a signal frame.
 * Kernel frames stand as the kernel's own walk gives them (return addresses, except at the leaf).
 */
#pragma once

#define PPROFD_ABI_VERSION 1

#define PPROFD_MAX_KERNEL_FRAMES 127
#define PPROFD_MAX_USER_FRAMES	 1024
#define PPROFD_MAX_FRAMES	 (PPROFD_MAX_KERNEL_FRAMES + PPROFD_MAX_USER_FRAMES)
#define PPROFD_COMM_SIZE	 16
#define PPROFD_MAX_CGROUPS	 16

/* pprofd_record_header.type */
enum pprofd_record_type {
	PPROFD_RECORD_SAMPLE = 1, /* on the CPU: struct pprofd_sample */
	PPROFD_RECORD_DEATH = 2,  /* a signal has ended a process: struct pprofd_death */
};

/* The top byte of a frame word. */
enum pprofd_frame_kind {
	PPROFD_FRAME_NATIVE = 0x00,	      /* user address, found by an exact rule */
	PPROFD_FRAME_NATIVE_HEURISTIC = 0x01, /* user address, found by a frame pointer */
	PPROFD_FRAME_KERNEL = 0xff,	      /* kernel address, canonical */
};
#define PPROFD_FRAME_KIND_SHIFT	  56
#define PPROFD_FRAME_PAYLOAD_MASK ((1ULL << PPROFD_FRAME_KIND_SHIFT) - 1)

/* Why the walk of a user stack ended. Everything but COMPLETE, NO_USER_STACK and NOT_WANTED is an
 * incomplete stack; the names in user space are in daemon/sampling/reasons.h. */
enum pprofd_stack_end {
	PPROFD_STACK_COMPLETE = 0, /* reached the thread's root */
	/* A kernel thread or worker, a process between execve's two programs or at its end: there
	 * is none, the trace is whole. */
	PPROFD_STACK_NO_USER_STACK,
	PPROFD_STACK_NOT_WANTED,	 /* user stacks are switched off */
	PPROFD_STACK_FRAME_LIMIT,	 /* more than PPROFD_MAX_USER_FRAMES */
	PPROFD_STACK_KERNEL_LIMIT,	 /* more than PPROFD_MAX_KERNEL_FRAMES in the kernel */
	PPROFD_STACK_READ_FAILED,	 /* the stack's memory could not be read */
	PPROFD_STACK_BAD_RETURN_ADDRESS, /* the return address is no user address */
	PPROFD_STACK_NO_MAPPING,	 /* a pc outside all executable mappings */
	PPROFD_STACK_NO_ROW,		 /* no row for a pc, nor a frame pointer to follow */
	PPROFD_STACK_NO_UNWIND_INFO,	 /* code without rows, nor a frame pointer to follow */
	PPROFD_STACK_UNSUPPORTED_RULE,	 /* a rule of a kind that is not supported */
	PPROFD_STACK_UNKNOWN_REGISTER,	 /* a rule wants a register that only the leaf has */
	PPROFD_STACK_PENDING,		 /* the rows of an executable were not there yet */
	PPROFD_STACK_COPY_LIMIT,	 /* unwound from a copy, which does not reach to its root */
	PPROFD_STACK_COMPAT,		 /* a 32-bit process: the leaf alone */
	PPROFD_STACK_LOOP,		 /* the walk goes down the stack again and again */
	PPROFD_STACK_END_COUNT
};

/* Bits of pprofd_sample.flags */
enum pprofd_sample_flags {
	PPROFD_SAMPLE_IN_KERNEL = 1 << 0, /* the CPU was in the kernel */
	PPROFD_SAMPLE_KERNEL_THREAD = 1 << 1,
	PPROFD_SAMPLE_UNDECIDED = 1 << 2, /* the filter leaves this process to user space */
	PPROFD_SAMPLE_SUSPENDED = 1 << 3, /* the walk goes on in user space */
};

struct pprofd_record_header {
	__u32 size;	   /* bytes of the whole record, this header included, a multiple of 8 */
	__u16 type;	   /* enum pprofd_record_type */
	__u16 header_size; /* bytes before the first frame word */
	__u64 time;	   /* ns, CLOCK_MONOTONIC */
};

struct pprofd_sample {
	struct pprofd_record_header header;
	__u64 start_time; /* ns, CLOCK_BOOTTIME: when the thread group's leader started */
	__u64 value;	  /* event count that this sample stands for (ns for the CPU clock) */
	__u32 pid;	  /* thread group, initial pid namespace */
	__u32 tid;
	__u32 cpu;
	__u32 flags;		       /* enum pprofd_sample_flags */
	__u16 kernel_frames;	       /* words */
	__u16 user_frames;	       /* words */
	__u16 stack_end;	       /* enum pprofd_stack_end */
	__u16 labels_size;	       /* bytes of labels behind the frames */
	char thread[PPROFD_COMM_SIZE]; /* the thread's name, NUL-terminated */
};

struct pprofd_death {
	struct pprofd_record_header header;
	__u64 start_time; /* as in a sample */
	__u32 pid;
	__u16 signal;
	__u16 out_of_memory; /* whether the kernel sent it to have its memory */
};

/* Signals by which programs crash, or are ended without having a say; a bit each: ILL, TRAP, ABRT,
 * BUS, FPE, KILL, SEGV, XCPU, XFSZ, SYS. The numbers are x86's and arm64's. */
#define PPROFD_DEADLY_SIGNALS                                                                      \
	(1U << 4 | 1U << 5 | 1U << 6 | 1U << 7 | 1U << 8 | 1U << 9 | 1U << 11 | 1U << 24 |         \
	 1U << 25 | 1U << 31)

/* Exits of the sampling path, counted per CPU. A sample is taken when it passes the filter:
 * taken = WRITTEN + all DROPPED_*. */
enum pprofd_counter {
	PPROFD_COUNT_IDLE = 0, /* no sample: the idle task */
	PPROFD_COUNT_FILTERED, /* no sample: not a target */
	PPROFD_COUNT_WRITTEN,
	PPROFD_COUNT_DROPPED_RING_FULL,
	PPROFD_COUNT_DROPPED_NO_SCRATCH,   /* the per-CPU buffer was missing; never seen */
	PPROFD_COUNT_DROPPED_UNATTRIBUTED, /* of the drops, those that found no room in `drops` */
	PPROFD_COUNT_SUSPENDED,		   /* of those written, with a walk to go on with */
	PPROFD_COUNT_SUSPENDED_BYTES,	   /* what that took in the ring buffer */
	PPROFD_COUNT_RUN_NANOS,		   /* what samples took, from their time to their end */
	PPROFD_COUNT_FORK_UNFOLLOWED,	   /* a child of a target found no room in `verdicts` */
	PPROFD_COUNT_MAX
};

/* Key and value of the map `drops`: samples lost per process. */
struct pprofd_process_key {
	__u64 start_time;
	__u32 pid;
	__u32 pad;
};
struct pprofd_process_drops {
	__u64 ring_full;
};

/* What the filter says of a process: value of the map `verdicts`, key is the pid. */
enum pprofd_verdict {
	PPROFD_UNDECIDED = 0, /* sampled and marked; user space decides */
	PPROFD_INCLUDE,
	PPROFD_EXCLUDE,
	PPROFD_INCLUDE_FROM_EXEC, /* excluded until it executes, included from then on */
};
struct pprofd_process_verdict {
	__u64 start_time; /* 0: whichever process has the pid */
	__u8 verdict;	  /* enum pprofd_verdict */
	__u8 children;	  /* children inherit this entry */
	__u8 until_exec;  /* the entry goes when the process executes another program */
	__u8 pad[5];
};

/* Value of the one-element map `config`; user space may change it while programs run. */
struct pprofd_config {
	__u8 default_verdict; /* for processes that no filter names */
	__u8 match_pid;	      /* the map `verdicts` may hold entries */
	__u8 match_comm;      /* the map `comms` holds process names to include */
	__u8 kernel_stacks;
	__u8 user_stacks;
	__u8 pad[3];
	__u32 cgroups;	  /* how many entries of the map `cgroups` are set */
	__u32 copy_pages; /* of a stack whose walk is to go on in user space, see unwind_state.h */
	__u64 wakeup_bytes; /* unread bytes in the ring buffer at which the reader is woken */
	__u64 few_bytes;    /* unread bytes from which on one page of a stack is copied at most */
};

static_assert(sizeof(struct pprofd_record_header) == 16, "record header");
static_assert(sizeof(struct pprofd_sample) == 72, "sample: no hidden padding");
static_assert(sizeof(struct pprofd_sample) % 8 == 0, "frame words are aligned");
static_assert(sizeof(struct pprofd_death) == 32, "death: no hidden padding");
static_assert(sizeof(struct pprofd_process_key) == 16, "map key: no hidden padding");
static_assert(sizeof(struct pprofd_process_verdict) == 16, "map value");
static_assert(sizeof(struct pprofd_config) == 32, "map value");
