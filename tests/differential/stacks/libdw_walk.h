// The stack of a stopped process as elfutils' unwinder sees it: the oracle.
#pragma once

#include <elfutils/libdwfl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "daemon/unwind/replay.h"

namespace pprofd::test {

struct LibdwStack {
  std::vector<uint64_t> pcs; // as in the registers: return addresses, nothing subtracted
  std::string error;         // empty: it reached an end
};

class LibdwWalk {
public:
  // The process's modules as they are now.
  LibdwWalk(pid_t pid, TargetMemory& memory);

  LibdwStack walk(const LeafRegisters& leaf);

private:
  static pid_t next_thread(Dwfl* dwfl, void* self, void** argument);
  static bool read_memory(Dwfl* dwfl, Dwarf_Addr address, Dwarf_Word* word, void* self);
  static bool set_registers(Dwfl_Thread* thread, void* self);

  struct End {
    void operator()(Dwfl* dwfl) const { dwfl_end(dwfl); }
  };
  pid_t pid_;
  TargetMemory* memory_;
  const LeafRegisters* leaf_ = nullptr;
  std::unique_ptr<Dwfl, End> dwfl_;
};

} // namespace pprofd::test
