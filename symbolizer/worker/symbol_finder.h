// The symbol of an address of one parsed file: from its separate debug file, which knows more, then
// from its own; where there is none, the start of the function at least. One thread.
#pragma once

#include <cstdint>
#include <optional>

#include "symbolizer/base/address.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/symbols/symbol_table.h"
#include "symbolizer/worker/file_cache.h"

namespace pprofd::symbolizer {

struct FoundSymbol {
  std::optional<Symbol> symbol;
  ElfAddress start; // of the function; 0: unknown
};

class SymbolFinder {
public:
  // `source` is of `file`; both must outlive this. `debug`: whether its debug file counts.
  SymbolFinder(const ParsedFile& file, bool debug, const ByteSource& source);

  FoundSymbol find(ElfAddress address);
  // The first address behind that may have another answer.
  ElfAddress end_of(ElfAddress address) const;

private:
  const ParsedFile* file_;
  SymbolTable::Reader symbols_;
  std::optional<SymbolTable::Reader> debug_symbols_;
};

} // namespace pprofd::symbolizer
