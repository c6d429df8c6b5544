// Names for addresses of one parsed file, from all that the worker knows of it: the chain of
// inlined functions and lines by its debug information, the outermost function's name by its
// symbols, which tell clones and aliases apart. So has llvm-symbolizer it. One thread.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/base/lru_cache.h"
#include "symbolizer/demangle/demangle.h"
#include "symbolizer/dwarf/lookup.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/worker/file_cache.h"
#include "symbolizer/worker/found_names.h"
#include "symbolizer/worker/symbol_finder.h"

namespace pprofd::symbolizer {

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
  // `source` is of `file`, which has symbols; both must outlive this. `lines`: by its debug
  // information too.
  NameFinder(const ParsedFile& file, bool lines, const ByteSource& source, Demangler demangler);

  // All of them, in an order that needs little work: `found` is called for each with its index.
  // What it is given is valid until it returns.
  void find_all(std::span<const ElfAddress> addresses,
                const std::function<void(size_t, const FoundNames&)>& found);

private:
  // With what debug information says of the address.
  FoundNames complete(ElfAddress address, std::span<const dwarf::Frame> frames);

  DebugInfo* debug_; // nullptr: there is none, or it is not wanted
  SymbolFinder symbols_;
  Demangler demangler_;
  FoundSymbol symbol_; // what frames_ shows
  std::vector<dwarf::Frame> frames_;
};

} // namespace pprofd::symbolizer
