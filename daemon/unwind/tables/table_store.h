// The tables of unwind rows in the kernel: each executable's once, under a hard limit.
//
// Over the limit, tables go that no process maps, the longest unused first, then those that
// processes map, the longest unused first. What went is compiled again when a sample asks for it.
//
// Any thread; calls exclude each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/unwind/tables/rule_set.h"
#include "daemon/unwind/tables/unwind_maps.h"

namespace pprofd {

// The rows of one file, as compiled.
struct CompiledRows {
  std::vector<uint32_t> offsets;     // in the file, ascending; the last row is a gap
  std::vector<uint16_t> rules;       // one per row: index in `distinct`
  std::vector<unwind_rule> distinct; // each rule once
};

struct TableStats {
  size_t tables = 0;
  uint64_t rows = 0;
  size_t rules = 0;
  size_t bytes = 0;     // of the kernel's memory
  uint64_t evicted = 0; // tables that went for want of room
  uint64_t refused = 0; // tables that found no room
};

class TableStore {
public:
  // `limit`: bytes of kernel memory that all tables may take.
  TableStore(UnwindMaps maps, size_t limit);

  // Loads a table; false: there is no room for it, even without all that may go for it.
  bool install(uint32_t table, const CompiledRows& rows);
  // Another limit from now on; what is over it goes.
  void set_limit(size_t limit);
  // Frees a table, if it is there.
  void remove(uint32_t table);

  [[nodiscard]] bool has(uint32_t table) const;
  // A sample was unwound by it, or a process maps it (or none does any more).
  void touch(uint32_t table);
  void set_mapped(uint32_t table, bool mapped);
  // Tables that were evicted since the last call.
  std::vector<uint32_t> take_evicted();

  // The rule for an offset in a table's file; the same search as in the kernel.
  unwind_lookup find(uint32_t table, uint64_t offset, unwind_found& found) const;
  // To be called some milliseconds after removals: what they freed may be used again.
  void settle();

  [[nodiscard]] TableStats stats() const;

private:
  struct Table {
    std::vector<uint32_t> chunks;
    std::vector<uint16_t> rules; // of all, each once
    uint64_t rows = 0;
    uint64_t last_use = 0;
  };

  static size_t bytes_of(size_t chunks);
  bool make_room(size_t bytes);
  void erase(uint32_t number);

  const UnwindMaps maps_;
  size_t limit_;
  mutable std::mutex mutex_;
  RuleSet rules_;
  std::unordered_map<uint32_t, Table> tables_;
  std::unordered_map<uint32_t, bool> mapped_; // true: some process maps it
  std::vector<uint32_t> evicted_;
  uint64_t uses_ = 0;
  size_t bytes_ = 0;
  TableStats stats_;
};

} // namespace pprofd
