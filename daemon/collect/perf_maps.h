// Names for code that stands in no file: JIT compilers tell theirs in a jitdump, which they map
// executable so that it is found (jit-PID.dump, wherever it is), or in /tmp/perf-PID.map, PID and
// folder being those that the process itself sees. Where there are both, it is the jitdump.
//
// The file is opened while the process lives and kept open, for it grows and its code is asked for
// again when it has grown. It must be a regular file of the process's own user or of root; it is
// read by the worker. The first name that an address got stays. In a jitdump an address is looked
// up as of the first sample of it.
//
// One owner, one thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "daemon/process/executable_store.h"
#include "daemon/process/files/blocking_calls.h"
#include "daemon/process/proc_fs.h"
#include "daemon/process/process.h"
#include "daemon/symbols/symbol_service.h"
#include "symbolizer/base/fd.h"

namespace pprofd {

class PerfMaps {
public:
  PerfMaps(SymbolService& symbols, ExecutableStore& store) : symbols_(&symbols), store_(&store) {}

  // By which SymbolService::names() knows a process's map; the offsets there are addresses.
  static uint64_t file_id(const Process& process) { return kFirstId + process.serial; }

  // Code of a process that was met for the first time, each address at a time of its own (ns,
  // CLOCK_MONOTONIC). The process must live until it is forgotten.
  void add(const Process& process, std::span<const FileOffset> addresses,
           std::span<const uint64_t> times);

  // Asks for what is new, and again for all of a process whose map has grown.
  void ask();

  // The process's code may be another by now, or it has gone. Returns whether it was known.
  bool forget(const Process& process) { return entries_.erase(process.serial) != 0; }

private:
  static constexpr uint64_t kFirstId = uint64_t{1} << 40; // above all executables'

  struct Entry {
    const Process* process = nullptr;
    Fd map;
    bool is_dump = false; // a jitdump
    off_t size = 0;       // of the map when it was asked last
    std::vector<FileOffset> addresses;
    std::vector<uint64_t> times; // when each was met
    size_t asked = 0;            // of them
  };

  void find_file(Entry& entry);
  Fd open_dump(const Process& process);
  Fd open_map(const Process& process);
  void ask(Entry& entry);

  SymbolService* symbols_;
  ExecutableStore* store_;
  ProcFs proc_;
  BlockingCalls calls_;
  std::unordered_map<uint64_t, Entry> entries_; // by the process's serial
};

} // namespace pprofd
