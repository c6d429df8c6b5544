/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * Where the unwinder finds, for a pc of a process, its rule. Layouts only; unwind_lookup.h searches
 * them, unwind_maps.h holds them in the kernel, daemon/unwind fills them.
 *
 *   process    pid -> { start time, address space }
 *   space      (space, chunk) -> executable mappings sorted by start
 *   table      (table, chunk) -> rows of one executable, shared by all that map it
 *   rule       index -> struct unwind_rule, shared by all tables
 *
 * A space never changes: a process whose mappings change gets a new one, written before the process
 * entry is switched over in one update, and the old one is removed after that. So a sample sees all
 * of the old mappings or all of the new ones, and (space, pc) is a key under which a rule may be
 * cached without a way to invalidate it. Numbers of spaces and of tables are not used twice.
 *
 * What is missing is pending: no entry for the process, a space or table that was removed or is not
 * there yet. Then the sample takes a copy of its stack along, and user space unwinds it.
 *
 * A table's rows stand in chunks of equal size, so that the kernel's allocator fills its pages:
 * each covers up to 64 KiB of addresses from its base and holds four bytes a row, the address's low
 * 16 bits relative to the base and the rule's index. A directory lists the chunks' bases; one level
 * suffices for 490 chunks (a quarter million rows), two for all there are.
 *
 * The kernel may give a removed element's memory to another while a program still reads it. So each
 * value says whose it is, and a reader that finds another owner behind its reading has read
 * nothing.
 *
 * Addresses in tables are offsets in the executable's file, so that a mapping can refer to a table
 * before anything is known of the file's segments. Code behind a file's first 4 GiB has no rows.
 */
#pragma once

#include "bpf/unwind_rule.h"

/* Of a mapping; real tables count from PPROFD_TABLE_FIRST. */
enum pprofd_table_id {
	PPROFD_TABLE_NO_ROWS = 1, /* code without a file: JIT's, the vsyscall page */
	PPROFD_TABLE_FIRST = 16,
};

struct pprofd_mapping {
	__u64 start;
	__u64 bias;  /* pc - bias is the offset in the file */
	__u32 pages; /* of 4 KiB */
	__u32 table; /* enum pprofd_table_id or a table's number */
};

#define PPROFD_SPACE_MAPPINGS	  40
#define PPROFD_SPACE_DIRECTORY	  120
#define PPROFD_SPACE_MAX_MAPPINGS (PPROFD_SPACE_MAPPINGS * PPROFD_SPACE_DIRECTORY)

/* Chunk 0 holds the mappings where they fit into one; else the directory stands at
 * PPROFD_DIRECTORY_CHUNK and chunk i's first mapping starts at starts[i]. */
#define PPROFD_DIRECTORY_CHUNK 0xffffffffU

struct pprofd_chunk_key {
	__u32 owner; /* space or table */
	__u32 chunk;
};

struct pprofd_space_chunk {
	__u32 owner; /* the space */
	__u32 count;
	union {
		struct pprofd_mapping mappings[PPROFD_SPACE_MAPPINGS];
		__u64 starts[PPROFD_SPACE_DIRECTORY];
	};
};

/* Value of the map `processes`, key is the pid. */
struct pprofd_process {
	__u64 start_time; /* 0: whichever process has the pid */
	__u32 space;
	__u32 mappings; /* in the space */
	__u32 pid;
	__u32 pad;
};

#define PPROFD_TABLE_ROWS 490
/* The number of a table's second-level directories begins here. */
#define PPROFD_TABLE_DIRECTORY_LEVEL2 0x80000000U

/* What a table's directory lists. */
enum pprofd_table_levels {
	PPROFD_TABLE_EMPTY = 0,	  /* nothing: the file has no rows */
	PPROFD_TABLE_CHUNKS = 1,  /* chunks of rows */
	PPROFD_TABLE_FOLDERS = 2, /* second-level directories */
};

struct pprofd_table_chunk {
	struct pprofd_chunk_key key; /* its own */
	__u32 base;		     /* address of the first row */
	__u32 count;		     /* rows, or entries of a directory */
	__u32 levels;		     /* first-level directory: enum pprofd_table_levels */
	__u32 end; /* row chunk: first address behind its last row's range; second-level
		    * directory: number of its first chunk */
	__u32 rows[PPROFD_TABLE_ROWS]; /* address - base | rule << 16; directory: bases */
};

#define PPROFD_MAX_RULES 65535

/* What a look-up finds. */
enum unwind_lookup {
	UNWIND_FOUND = 0,
	UNWIND_NO_MAPPING,     /* no executable mapping is known at the pc */
	UNWIND_PENDING,	       /* the executable's rows are not there yet */
	UNWIND_NO_ROW,	       /* the executable has rows, none for the pc */
	UNWIND_NO_UNWIND_INFO, /* the code has no rows at all */
};

/* A rule as it is applied, merged rows resolved, with the key under which it is cached: 32 bytes,
 * so that two share a cache line and a CPU's cache of them stays small. */
struct unwind_found {
	__u64 pc;
	__u32 space;
	__u8 cfa;
	__u8 fp;
	__u8 ra;
	__u8 cfa_register;
	__s32 cfa_offset;
	__s32 fp_offset;
	__s32 ra_offset;
	__s16 deref_offset;
	__u8 flags;
	__u8 reserved;
};

/* Fills in the rule of a row that starts `distance` bytes before the pc. */
static inline __attribute__((always_inline)) void
unwind_apply(struct unwind_found *found, const struct unwind_rule *rule, __u64 distance)
{
	found->cfa = rule->cfa;
	found->fp = rule->fp;
	found->ra = rule->ra;
	found->cfa_register = rule->cfa_register;
	found->cfa_offset = rule->cfa_offset;
	found->fp_offset = rule->fp_offset;
	found->ra_offset = rule->ra_offset;
	found->deref_offset = rule->deref_offset;
	found->flags = rule->flags;
	found->reserved = 0;
	if (rule->merge_delta && distance >= rule->merge_at)
		found->cfa_offset += rule->merge_delta;
}

static_assert(sizeof(struct pprofd_mapping) == 24, "no hidden padding");
static_assert(sizeof(struct pprofd_space_chunk) == 968, "fits a 1 KiB allocation with its key");
static_assert(sizeof(struct pprofd_table_chunk) == 1984, "fits a 2 KiB allocation with its key");
static_assert(sizeof(struct unwind_found) == 32, "no hidden padding");
static_assert(sizeof(struct pprofd_process) == 24, "no hidden padding");
