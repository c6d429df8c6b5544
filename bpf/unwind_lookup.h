/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * From a pc to its rule, in the kernel (tables: unwind_tables.h).
 *
 * First a small cache of the CPU's own, under (space, pc): hot frames end there. Else: the space's
 * mapping by binary search, the table's chunk by its directory, the row by binary search in the
 * chunk. All searches have a fixed number of steps without branches on data, which is what the
 * verifier likes and the branch predictor too.
 */
#pragma once

#include "bpf/maps.h"
#include "bpf/unwinder.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct pprofd_process);
} processes __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 131072); /* set at load */
	__type(key, struct pprofd_chunk_key);
	__type(value, struct pprofd_space_chunk);
} spaces __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 65536); /* set at load */
	__type(key, struct pprofd_chunk_key);
	__type(value, struct pprofd_table_chunk);
} tables __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PPROFD_MAX_RULES);
	__type(key, __u32);
	__type(value, struct unwind_rule);
} rules __weak SEC(".maps");

#define RULE_CACHE_SIZE 512 /* a power of two; an element of a per-CPU map has at most 32 KiB */

struct rule_cache {
	struct unwind_found entries[RULE_CACHE_SIZE];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rule_cache);
} rule_caches __weak SEC(".maps");

/* How many of the first `count` values are at most `value`: a binary search in `steps` steps.
 * `at(index)` reads one. */
#define COUNT_NOT_ABOVE(steps, limit, count, value, at)                                            \
	({                                                                                         \
		__u32 low_ = 0, high_ = (count);                                                   \
		for (int step_ = 0; step_ < (steps); step_++) {                                    \
			__u32 index = (low_ + high_) >> 1;                                         \
			if (low_ < high_ && index < (limit)) {                                     \
				if ((at) <= (value))                                               \
					low_ = index + 1;                                          \
				else                                                               \
					high_ = index;                                             \
			}                                                                          \
		}                                                                                  \
		low_;                                                                              \
	})

static __always_inline const struct pprofd_mapping *find_mapping(__u32 space, __u32 mappings,
								 __u64 pc)
{
	struct pprofd_chunk_key key = {.owner = space, .chunk = 0};
	const struct pprofd_space_chunk *chunk;
	__u32 at;

	if (mappings > PPROFD_SPACE_MAPPINGS) {
		key.chunk = PPROFD_DIRECTORY_CHUNK;
		chunk = bpf_map_lookup_elem(&spaces, &key);
		if (!chunk)
			return 0;
		at = COUNT_NOT_ABOVE(7, PPROFD_SPACE_DIRECTORY, chunk->count, pc,
				     chunk->starts[index]);
		if (at == 0)
			return 0;
		key.chunk = at - 1;
	}
	chunk = bpf_map_lookup_elem(&spaces, &key);
	if (!chunk)
		return 0;
	at = COUNT_NOT_ABOVE(6, PPROFD_SPACE_MAPPINGS, chunk->count, pc,
			     chunk->mappings[index].start);
	if (at == 0 || at > PPROFD_SPACE_MAPPINGS)
		return 0;
	const struct pprofd_mapping *mapping = &chunk->mappings[at - 1];

	return ((pc - mapping->start) >> 12) < mapping->pages ? mapping : 0;
}

/* The chunk of rows for an address, through one level of directory or two. */
static __always_inline const struct pprofd_table_chunk *find_chunk(__u32 table, __u32 address)
{
	struct pprofd_chunk_key key = {.owner = table, .chunk = PPROFD_DIRECTORY_CHUNK};
	const struct pprofd_table_chunk *chunk = bpf_map_lookup_elem(&tables, &key);
	__u32 at;

	if (!chunk)
		return 0;
	at = COUNT_NOT_ABOVE(9, PPROFD_TABLE_ROWS, chunk->count, address, chunk->rows[index]);
	if (at == 0)
		return 0;
	key.chunk = at - 1;
	if (chunk->levels == 2) {
		key.chunk = PPROFD_TABLE_DIRECTORY_LEVEL2 | (at - 1);
		chunk = bpf_map_lookup_elem(&tables, &key);
		if (!chunk)
			return 0;
		__u32 before = chunk->end; /* chunks before this directory's first */

		at = COUNT_NOT_ABOVE(9, PPROFD_TABLE_ROWS, chunk->count, address,
				     chunk->rows[index]);
		if (at == 0)
			return 0;
		key.chunk = before + at - 1;
	}
	return bpf_map_lookup_elem(&tables, &key);
}

static __always_inline enum unwind_lookup find_rule(__u32 table, __u64 address64,
						    struct unwind_found *found)
{
	const struct pprofd_table_chunk *chunk;
	const struct unwind_rule *rule;
	__u32 address = (__u32)address64, row, at, low, rule_index;

	if (address64 >> 32)
		return UNWIND_NO_ROW;
	chunk = find_chunk(table, address);
	if (!chunk || address >= chunk->end)
		return UNWIND_NO_ROW;
	low = address - chunk->base;
	at = COUNT_NOT_ABOVE(9, PPROFD_TABLE_ROWS, chunk->count, low, chunk->rows[index] & 0xffff);
	if (at == 0 || at > PPROFD_TABLE_ROWS)
		return UNWIND_NO_ROW;
	row = chunk->rows[at - 1];
	rule_index = row >> 16;
	rule = bpf_map_lookup_elem(&rules, &rule_index);
	if (!rule || rule->cfa == UNWIND_CFA_NONE)
		return UNWIND_NO_ROW;
	unwind_apply(found, rule, low - (row & 0xffff));
	return UNWIND_FOUND;
}

static __always_inline __u32 cache_place(__u32 space, __u64 pc)
{
	__u64 hash = (pc ^ ((__u64)space << 32)) * 0x9e3779b97f4a7c15ULL;

	return (__u32)(hash >> 55) & (RULE_CACHE_SIZE - 1);
}

static __always_inline enum unwind_lookup
look_up(__u32 space, __u32 mappings, struct rule_cache *cache, __u64 pc, struct unwind_found *found)
{
	struct unwind_found *entry = &cache->entries[cache_place(space, pc)];
	const struct pprofd_mapping *mapping;
	enum unwind_lookup result;

	if (entry->pc == pc && entry->space == space) {
		*found = *entry;
		return UNWIND_FOUND;
	}
	mapping = find_mapping(space, mappings, pc);
	if (!mapping)
		return UNWIND_NO_MAPPING;
	if (mapping->table < PPROFD_TABLE_FIRST)
		return mapping->table == PPROFD_TABLE_PENDING ? UNWIND_PENDING
							      : UNWIND_NO_UNWIND_INFO;
	result = find_rule(mapping->table, pc - mapping->bias, found);
	if (result != UNWIND_FOUND)
		return result;
	found->pc = pc;
	found->space = space;
	*entry = *found;
	return UNWIND_FOUND;
}
