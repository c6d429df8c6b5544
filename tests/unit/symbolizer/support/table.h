// A symbol table with the file it came from.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "symbolizer/symbols/symbol_table.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd::test {

struct Table {
  Fd fd;
  symbolizer::ByteSource source;
  symbolizer::ElfImage image;
  symbolizer::SymbolTable symbols;

  // "?" where there is no symbol.
  [[nodiscard]] std::string name_at(uint64_t address) const {
    const auto symbol = find(address);
    return symbol ? symbol->name : "?";
  }
  [[nodiscard]] std::optional<symbolizer::Symbol> find(uint64_t address) const {
    return symbolizer::SymbolTable::Reader(symbols, source).find({address});
  }
  [[nodiscard]] std::string notes() const {
    std::string all;
    for (const std::string& note : symbols.notes())
      all += note + "\n";
    return all;
  }
};

inline Table read_table(const std::string& path, const symbolizer::SymbolLimits& limits = {}) {
  Fd fd = open_file(path);
  auto source = symbolizer::ByteSource::of_file(fd.get()).value();
  auto image = symbolizer::ElfImage::open(source).value();
  auto symbols = symbolizer::SymbolTable::build(source, image, limits);
  return {std::move(fd), source, std::move(image), std::move(symbols)};
}

} // namespace pprofd::test
