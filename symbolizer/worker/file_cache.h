// What the worker has parsed, by the daemon's id of the file, least recently used out first.
// A file that changed since (size, times, inode) is parsed anew. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "symbolizer/base/names_fault.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/jit_dump/jit_dump.h"
#include "symbolizer/perf_map/perf_map.h"
#include "symbolizer/symbols/symbol_table.h"
#include "symbolizer/unwind/function_starts.h"
#include "symbolizer/worker/debug_info.h"
#include "symbolizer/worker/index_names.h"

namespace pprofd::symbolizer {

// Plain data.
struct ParsedFile {
  FileStamp stamp;
  std::optional<ElfImage> image; // empty: see failure
  DebugLinks links;
  std::unique_ptr<SymbolTable> symbols;       // once names were asked for
  std::unique_ptr<DebugInfo> debug;           // once lines were asked for; nullptr: it has none
  std::unique_ptr<SymbolTable> debug_symbols; // of a separate debug file; its names are there
  std::unique_ptr<IndexNames> index;          // once asked for; nullptr: it is none
  FunctionStarts starts;                      // then, and only where .symtab is missing
  PerfMap perf_map;                           // of a file that is none of ELF's
  JitDump jit_dump;                           // of another
  std::string failure;                        // what of it could not be used; empty: nothing
  std::string debug_failure;                  // the same of debug information
  NamesFault fault = NamesFault::kNone;       // what `failure` comes to
  NamesFault debug_fault = NamesFault::kNone; // what `debug_failure` comes to

  // Why names are missing; empty: they are not.
  [[nodiscard]] std::string why_nameless() const;
  // The same in a word, once names were asked for; and why lines are missing, once they were.
  [[nodiscard]] NamesFault names_fault() const;
  [[nodiscard]] NamesFault lines_fault() const;
};

class FileCache {
public:
  // `memory_limit`: what the process may allocate; a part of it is for what is kept.
  // `max_mangled`: the longest name that is demangled.
  explicit FileCache(uint64_t memory_limit, size_t max_mangled = kMaxMangled);

  // The parsed file; with `names` its symbols too. Valid until the next call.
  const ParsedFile& get(uint64_t id, const ByteSource& source, bool names);
  // With symbols and debug information, whose names are of that style. `fds.file`: of `source`.
  const ParsedFile& get_lines(uint64_t id, const ByteSource& source, NameStyle style,
                              const DebugFds& fds);

  // With its index, which says that it was made under `key`.
  const ParsedFile& get_index(uint64_t id, const ByteSource& source, NameStyle style, int index,
                              std::string_view key);

  // A perf map, as far as it has grown. Valid until the next call.
  const PerfMap& perf_map(uint64_t id, const ByteSource& source);
  // A jitdump, the same.
  const JitDump& jit_dump(uint64_t id, const ByteSource& source);

  // Drops what was not used for long, for work that takes memory for a while.
  void make_room() { shrink(kept_limit_ / 2); }

  // Of all files, as MappedFile's.
  void release_pages() const;

  [[nodiscard]] size_t size() const { return by_id_.size(); }
  [[nodiscard]] size_t memory() const { return memory_; }

private:
  struct Slot {
    uint64_t id = 0;
    ParsedFile file;
    // What file.debug was opened with; empty: not looked for.
    std::optional<std::pair<NameStyle, FileStamp>> debug;
    std::optional<std::pair<NameStyle, FileStamp>> index; // the same of file.index
    size_t memory = 0;
  };
  using Slots = std::list<Slot>; // the most recently used first

  Slot& slot_of(uint64_t id);
  template <typename Grown> void read_on(Grown& grown, Slot& slot, const ByteSource& source);
  void parse_image(Slot& slot, const ByteSource& source);
  void parse_symbols(Slot& slot, ElfImage& image, const ByteSource& source);
  void open_debug(Slot& slot, const ElfImage& image, NameStyle style, const DebugFds& fds);
  // Debug information and indexes of the files used last stay, as far as so many mappings are left.
  void drop_debug(size_t wanted);
  void account(Slot& slot);
  // Drops the least recently used until at most `limit` bytes are held; the first slot stays.
  void shrink(size_t limit);

  SymbolLimits limits_;
  uint64_t debug_memory_;
  size_t max_mangled_;
  size_t kept_limit_;
  Slots slots_;
  std::unordered_map<uint64_t, Slots::iterator> by_id_;
  size_t memory_ = 0;
};

} // namespace pprofd::symbolizer
