/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
 *
 * From a pc to its rule: the search in the tables of unwind_tables.h.
 *
 * First a small cache under (space, pc): hot frames end there. Else: the space's mapping by binary
 * search, the table's chunk by its directory, the row by binary search in the chunk. All searches
 * have a fixed number of steps, which is what the verifier likes.
 *
 * The same source runs in BPF and in user space. The includer provides the three accessors declared
 * first; `world` is what it passes in, for its own use.
 */
#pragma once

#include "bpf/unwind_state.h"
#include "bpf/unwind_tables.h"

/* A chunk or rule, null: there is none. Valid until the next call. */
UNWIND_INLINE const struct pprofd_space_chunk *
unwind_space_chunk(void *world, const struct pprofd_chunk_key *key);
UNWIND_INLINE const struct pprofd_table_chunk *
unwind_table_chunk(void *world, const struct pprofd_chunk_key *key);
UNWIND_INLINE const struct unwind_rule *unwind_rule_at(void *world, __u32 index);

/* On a machine that compiles, sampled at 99 Hz, 90 % of the frames find their rule here; with an
 * eighth of the size 64 %. */
#define RULE_CACHE_BITS 12
#define RULE_CACHE_SIZE (1U << RULE_CACHE_BITS)

struct rule_cache {
	struct unwind_found entries[RULE_CACHE_SIZE];
};

/* How many of the first `count` values are at most `value`: a binary search in `steps` steps.
 * `at` is an expression of `index`. */
#define COUNT_NOT_ABOVE(steps, limit, count, value, at)                                            \
	({                                                                                         \
		__u32 low_ = 0, high_ = (count);                                                   \
		for (int step_ = 0; step_ < (steps); step_++) {                                    \
			__u64 index = (low_ + high_) >> 1;                                         \
			UNWIND_SEEN(index);                                                        \
			if (low_ < high_ && index < (limit)) {                                     \
				if ((at) <= (value))                                               \
					low_ = (__u32)index + 1;                                   \
				else                                                               \
					high_ = (__u32)index;                                      \
			}                                                                          \
		}                                                                                  \
		low_;                                                                              \
	})

/* Whether a value is still its owner's behind what was read of it. */
#define STILL_OF(value, owner)                                                                     \
	({                                                                                         \
		__asm__ volatile("" ::: "memory");                                                 \
		(value) == (owner);                                                                \
	})

/* The mapping that holds pc, copied to *to. */
UNWIND_INLINE enum unwind_lookup find_mapping(void *world, __u32 space, __u32 mappings, __u64 pc,
					      struct pprofd_mapping *to)
{
	struct pprofd_chunk_key key = {.owner = space, .chunk = 0};
	const struct pprofd_space_chunk *chunk;
	__u64 at;

	if (mappings > PPROFD_SPACE_MAPPINGS) {
		key.chunk = PPROFD_DIRECTORY_CHUNK;
		chunk = unwind_space_chunk(world, &key);
		if (!chunk)
			return UNWIND_PENDING;
		at = COUNT_NOT_ABOVE(7, PPROFD_SPACE_DIRECTORY, chunk->count, pc,
				     chunk->starts[index]);
		if (!STILL_OF(chunk->owner, space))
			return UNWIND_PENDING;
		if (at == 0)
			return UNWIND_NO_MAPPING;
		key.chunk = (__u32)at - 1;
	}
	chunk = unwind_space_chunk(world, &key);
	if (!chunk)
		return UNWIND_PENDING;
	at = COUNT_NOT_ABOVE(6, PPROFD_SPACE_MAPPINGS, chunk->count, pc,
			     chunk->mappings[index].start);
	UNWIND_SEEN(at);
	if (at == 0 || at > PPROFD_SPACE_MAPPINGS)
		return STILL_OF(chunk->owner, space) ? UNWIND_NO_MAPPING : UNWIND_PENDING;
	*to = chunk->mappings[at - 1];
	if (!STILL_OF(chunk->owner, space))
		return UNWIND_PENDING;
	return ((pc - to->start) >> 12) < to->pages ? UNWIND_FOUND : UNWIND_NO_MAPPING;
}

/* Which entry of a directory covers the address: 1 is the first, 0 none. */
UNWIND_INLINE enum unwind_lookup find_entry(const struct pprofd_table_chunk *directory,
					    struct pprofd_chunk_key key, __u32 address,
					    __u32 *entry)
{
	*entry = COUNT_NOT_ABOVE(9, PPROFD_TABLE_ROWS, directory->count, address,
				 directory->rows[index]);
	if (!STILL_OF(directory->key.owner, key.owner) || directory->key.chunk != key.chunk)
		return UNWIND_PENDING;
	return *entry == 0 ? UNWIND_NO_ROW : UNWIND_FOUND;
}

/* The key of the chunk of rows for an address, through one level of directory or two. */
UNWIND_INLINE enum unwind_lookup find_chunk(void *world, __u32 address,
					    struct pprofd_chunk_key *key)
{
	const struct pprofd_table_chunk *chunk;
	enum unwind_lookup result;
	__u32 levels, before, at;

	key->chunk = PPROFD_DIRECTORY_CHUNK;
	chunk = unwind_table_chunk(world, key);
	if (!chunk)
		return UNWIND_PENDING;
	levels = chunk->levels;
	result = find_entry(chunk, *key, address, &at);
	if (result == UNWIND_NO_ROW && levels == PPROFD_TABLE_EMPTY)
		return UNWIND_NO_UNWIND_INFO;
	if (result != UNWIND_FOUND)
		return result;
	key->chunk = at - 1;
	if (levels != PPROFD_TABLE_FOLDERS)
		return UNWIND_FOUND;
	key->chunk |= PPROFD_TABLE_DIRECTORY_LEVEL2;
	chunk = unwind_table_chunk(world, key);
	if (!chunk)
		return UNWIND_PENDING;
	before = chunk->end;
	result = find_entry(chunk, *key, address, &at);
	key->chunk = before + at - 1;
	return result;
}

/* The row for an address: its rule's index, and how far behind its start the address is. */
UNWIND_INLINE enum unwind_lookup find_row(void *world, __u32 table, __u32 address, __u32 *rule,
					  __u32 *distance)
{
	struct pprofd_chunk_key key = {.owner = table, .chunk = 0};
	enum unwind_lookup result = find_chunk(world, address, &key);
	const struct pprofd_table_chunk *chunk;
	__u32 low, row, end;
	__u64 at;

	if (result != UNWIND_FOUND)
		return result;
	chunk = unwind_table_chunk(world, &key);
	if (!chunk)
		return UNWIND_PENDING;
	low = address - chunk->base;
	end = chunk->end;
	at = COUNT_NOT_ABOVE(9, PPROFD_TABLE_ROWS, chunk->count, low, chunk->rows[index] & 0xffff);
	UNWIND_SEEN(at);
	row = at == 0 || at > PPROFD_TABLE_ROWS ? 0 : chunk->rows[at - 1];
	if (!STILL_OF(chunk->key.owner, table) || chunk->key.chunk != key.chunk)
		return UNWIND_PENDING;
	*rule = row >> 16;
	*distance = low - (row & 0xffff);
	return at == 0 || address >= end ? UNWIND_NO_ROW : UNWIND_FOUND;
}

/* The rule for an address of a table; found's pc and space are left alone. */
UNWIND_INLINE enum unwind_lookup find_rule(void *world, __u32 table, __u64 address,
					   struct unwind_found *found)
{
	const struct unwind_rule *rule;
	enum unwind_lookup result;
	__u32 index, distance;

	if (address >> 32)
		return UNWIND_NO_ROW;
	result = find_row(world, table, (__u32)address, &index, &distance);
	if (result != UNWIND_FOUND)
		return result;
	rule = unwind_rule_at(world, index);
	if (!rule || rule->cfa == UNWIND_CFA_NONE)
		return UNWIND_NO_ROW;
	unwind_apply(found, rule, distance);
	return UNWIND_FOUND;
}

UNWIND_INLINE __u32 cache_place(__u32 space, __u64 pc)
{
	__u64 hash = (pc ^ ((__u64)space << 32)) * 0x9e3779b97f4a7c15ULL;

	return (__u32)(hash >> (64 - RULE_CACHE_BITS)) & (RULE_CACHE_SIZE - 1);
}

UNWIND_INLINE enum unwind_lookup look_up(void *world, __u32 space, __u32 mappings,
					 struct rule_cache *cache, __u64 pc,
					 struct unwind_found *found)
{
	struct unwind_found *entry = &cache->entries[cache_place(space, pc)];
	struct pprofd_mapping mapping;
	enum unwind_lookup result;

	if (entry->pc == pc && entry->space == space) {
		*found = *entry;
		return UNWIND_FOUND;
	}
	result = find_mapping(world, space, mappings, pc, &mapping);
	if (result != UNWIND_FOUND)
		return result;
	if (mapping.table < PPROFD_TABLE_FIRST)
		return UNWIND_NO_UNWIND_INFO;
	result = find_rule(world, mapping.table, pc - mapping.bias, found);
	if (result != UNWIND_FOUND)
		return result;
	found->pc = pc;
	found->space = space;
	*entry = *found;
	return UNWIND_FOUND;
}
