// Names for code that stands in no file: JIT compilers tell theirs in /tmp/perf-PID.map, PID and
// folder being those that the process itself sees.
//
// The map is opened while the process lives and kept open, for it grows and its code is asked for
// again when it has grown. It must be a regular file of the process's own user or of root; it is
// read by the worker. The first name that an address got stays.
//
// One owner, one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "daemon/process/files/blocking_calls.h"
#include "daemon/process/proc_fs.h"
#include "daemon/process/process.h"
#include "daemon/symbols/symbol_service.h"
#include "symbolizer/base/fd.h"

namespace pprofd {

class PerfMaps {
public:
  explicit PerfMaps(SymbolService& symbols) : symbols_(&symbols) {}

  // By which SymbolService::names() knows a process's map; the offsets there are addresses.
  static uint64_t file_id(const Process& process) { return kFirstId + process.serial; }

  // Code of a process that was met for the first time. The process must outlive this.
  void add(const Process& process, std::vector<FileOffset> addresses);

  // Asks for what is new, and again for all of a process whose map has grown.
  void ask();

private:
  static constexpr uint64_t kFirstId = uint64_t{1} << 40; // above all executables'

  struct Entry {
    const Process* process = nullptr;
    Fd map;
    off_t size = 0; // of the map when it was asked last
    std::vector<FileOffset> addresses;
    size_t asked = 0; // of them
  };

  Fd open(const Process& process);
  void ask(Entry& entry);

  SymbolService* symbols_;
  ProcFs proc_;
  BlockingCalls calls_;
  std::unordered_map<uint64_t, Entry> entries_; // by the process's serial
};

} // namespace pprofd
