// The kernel's knowledge of address spaces, kept up to date with the process table's: which process
// has which mappings, and which tables these use (bpf/unwind_tables.h).
//
// A space is what a process has mapped at one time. It is written whole under a new number, then
// the process is pointed to it, then the one before is removed; processes with the same mappings (a
// parent and its children) share one.
//
// One thread, the collector's.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/process/process.h"
#include "daemon/unwind/table_service.h"
#include "daemon/unwind/tables/unwind_maps.h"

namespace pprofd {

class SpaceKeeper {
public:
  SpaceKeeper(UnwindMaps maps, TableService& tables) : maps_(maps), tables_(&tables) {}

  // Tells the kernel what the process has mapped now; nothing, where it has exited.
  void update(const Process& process);

  [[nodiscard]] bool knows(const Process& process) const {
    return spaces_of_.contains(process.serial);
  }
  [[nodiscard]] size_t spaces() const { return spaces_.size(); }

  // The table that has the rows of a mapping; below PPROFD_TABLE_FIRST: none has.
  uint32_t table_of(const Mapping& mapping);

private:
  struct Less {
    bool operator()(const pprofd_mapping& a, const pprofd_mapping& b) const;
  };
  using Mappings = std::vector<pprofd_mapping>;
  struct MappingsLess {
    bool operator()(const Mappings& a, const Mappings& b) const;
  };
  struct Space {
    uint32_t number = 0;
    uint32_t users = 0;
  };
  using Spaces = std::map<Mappings, Space, MappingsLess>;

  Mappings mappings_of(const Process& process);
  uint32_t unused_number();
  Spaces::iterator use(Mappings mappings);
  void release(Spaces::iterator space);
  bool write(uint32_t space, const Mappings& mappings) const;
  void erase(uint32_t space, size_t mappings) const;
  void forget(const Process& process);

  UnwindMaps maps_;
  TableService* tables_;
  Spaces spaces_;
  std::unordered_map<uint64_t, Spaces::iterator> spaces_of_; // by Process::serial
  std::unordered_map<uint32_t, uint64_t> serial_of_;         // by pid: whose entry the kernel has
  uint32_t next_ = 1;
  std::unordered_set<uint32_t> numbers_; // of spaces there are: a busy year has more than 32 bits
};

} // namespace pprofd
