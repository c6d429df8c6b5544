#include "symbolizer/worker/symbol_finder.h"

#include <algorithm>

namespace pprofd::symbolizer {

SymbolFinder::SymbolFinder(const ParsedFile& file, bool debug, const ByteSource& source)
    : file_(&file), symbols_(*file.symbols, source) {
  if (debug && file.debug != nullptr && file.debug->debug_source() != nullptr && file.debug_symbols)
    debug_symbols_.emplace(*file.debug_symbols, *file.debug->debug_source());
}

FoundSymbol SymbolFinder::find(ElfAddress address) {
  FoundSymbol found;
  if (debug_symbols_)
    found.symbol = debug_symbols_->find(address);
  if (!found.symbol)
    found.symbol = symbols_.find(address);
  found.start =
      found.symbol ? found.symbol->start : file_->starts.at(address).value_or(ElfAddress{});
  return found;
}

ElfAddress SymbolFinder::end_of(ElfAddress address) const {
  ElfAddress end = std::min(file_->symbols->end_of(address), file_->starts.end_of(address));
  if (debug_symbols_)
    end = std::min(end, file_->debug_symbols->end_of(address));
  return end;
}

} // namespace pprofd::symbolizer
