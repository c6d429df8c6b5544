// What the worker has parsed, by the daemon's id of the file, least recently used out first.
// A file that changed since (size, times, inode) is parsed anew. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>

#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/perf_map/perf_map.h"
#include "symbolizer/symbols/symbol_table.h"
#include "symbolizer/unwind/function_starts.h"

namespace pprofd::symbolizer {

// Plain data.
struct ParsedFile {
  FileStamp stamp;
  std::optional<ElfImage> image;      // empty: see failure
  std::optional<SymbolTable> symbols; // once names were asked for
  FunctionStarts starts;              // then, and only where .symtab is missing
  PerfMap perf_map;                   // of a file that is none of ELF's
  std::string failure;                // why names are missing; empty: they are not
};

class FileCache {
public:
  // `memory_limit`: what the process may allocate; a part of it is for what is kept.
  explicit FileCache(uint64_t memory_limit);

  // The parsed file; with `names` its symbols too. Valid until the next call.
  const ParsedFile& get(uint64_t id, const ByteSource& source, bool names);

  // A perf map, as far as it has grown. Valid until the next call.
  const PerfMap& perf_map(uint64_t id, const ByteSource& source);

  // Drops what was not used for long, for work that takes memory for a while.
  void make_room() { shrink(kept_limit_ / 2); }

  [[nodiscard]] size_t size() const { return by_id_.size(); }
  [[nodiscard]] size_t memory() const { return memory_; }

private:
  struct Slot {
    uint64_t id = 0;
    ParsedFile file;
    size_t memory = 0;
  };
  using Slots = std::list<Slot>; // the most recently used first

  Slot& slot_of(uint64_t id);
  void parse_image(Slot& slot, const ByteSource& source);
  void parse_symbols(Slot& slot, ElfImage& image, const ByteSource& source);
  void account(Slot& slot);
  // Drops the least recently used until at most `limit` bytes are held; the first slot stays.
  void shrink(size_t limit);

  SymbolLimits limits_;
  size_t kept_limit_;
  Slots slots_;
  std::unordered_map<uint64_t, Slots::iterator> by_id_;
  size_t memory_ = 0;
};

} // namespace pprofd::symbolizer
