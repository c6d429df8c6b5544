// Names for addresses of one parsed file, from all that the worker knows of it: the chain of
// inlined functions and lines by its debug information, the outermost function's name by its
// symbols, which tell clones and aliases apart. So has llvm-symbolizer it. One thread.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/base/lru_cache.h"
#include "symbolizer/demangle/demangle.h"
#include "symbolizer/dwarf/lookup.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/symbols/symbol_table.h"
#include "symbolizer/worker/file_cache.h"

namespace pprofd::symbolizer {

struct FoundNames {
  ElfAddress start;                     // of the function; 0: unknown
  std::span<const dwarf::Frame> frames; // innermost first, each with a name; empty: none is known
};

// A mangled name made readable. Names that were made last are kept.
class Demangler {
public:
  Demangler(NameStyle style, size_t max_mangled) : style_(style), max_mangled_(max_mangled) {}

  // Valid until the next call.
  std::string_view readable(const std::string& name);

private:
  static constexpr size_t kKeptBytes = 1 << 20;

  NameStyle style_;
  size_t max_mangled_;
  LruCache<std::string, std::string> made_{kKeptBytes};
};

class NameFinder {
public:
  // `symbols` and `source` are of `file`; all must outlive this. `lines`: by its debug information
  // too.
  NameFinder(const ParsedFile& file, const SymbolTable& symbols, bool lines,
             const ByteSource& source, Demangler demangler);

  // Valid until the next call.
  FoundNames find(ElfAddress address);

private:
  const ParsedFile* file_;
  DebugInfo* debug_; // nullptr: there is none, or it is not wanted
  SymbolTable::Reader symbols_;
  std::optional<SymbolTable::Reader> debug_symbols_; // they know more
  Demangler demangler_;
  std::optional<Symbol> symbol_; // what frames_ shows
  std::vector<dwarf::Frame> frames_;
};

} // namespace pprofd::symbolizer
