// The kernel's maps of unwind_maps.h, from user space. Descriptors belong to the sampler, which
// outlives this. Every call is a system call or some; any thread.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <optional>
#include <span>

#include "bpf/unwind_tables.h"
#include "daemon/unwind/tables/layout.h"

namespace pprofd {

// What a chunk takes of the kernel's memory: with its key and the hash map's own fields it fills
// one of the allocator's objects of 2 KiB.
inline constexpr size_t kTableChunkBytes = 2048;

class UnwindMaps {
public:
  struct Descriptors {
    int processes = -1;
    int spaces = -1;
    int tables = -1;
    int rules = -1;
  };

  explicit UnwindMaps(Descriptors maps) : maps_(maps) {}

  // Writers say whether the kernel took it; it does not where a map is full or memory is short.
  bool put_process(uint32_t pid, const pprofd_process& process) const;
  bool put_space_chunk(pprofd_chunk_key key, const pprofd_space_chunk& chunk) const;
  // All or nothing.
  bool put_table(const TableChunks& chunks) const;
  bool put_rule(uint32_t index, const unwind_rule& rule) const;

  void erase_process(uint32_t pid) const;
  void erase_space_chunk(pprofd_chunk_key key) const;
  // Takes the directory away first.
  void erase_table(uint32_t table, std::span<const uint32_t> chunks) const;

  // Readers fill their argument and say whether there was something.
  bool read_table_chunk(pprofd_chunk_key key, pprofd_table_chunk& chunk) const;
  bool read_rule(uint32_t index, unwind_rule& rule) const;

private:
  Descriptors maps_;
};

} // namespace pprofd
