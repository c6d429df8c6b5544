// Any bytes as an ELF file: headers, segments, symbols, PLT, build id, look-ups.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "symbolizer/symbols/symbol_table.h"

using namespace pprofd;
using namespace pprofd::symbolizer;

namespace {

void require(bool condition) {
  if (!condition)
    std::abort();
}

void look_up(const ElfImage& image, const SymbolTable& table, const ByteSource& source) {
  SymbolTable::Reader reader(table, source);
  for (const AddressRange& range : image.code()) {
    require(range.start < range.end);
    for (const uint64_t step : {0U, 1U, 16U, 100U, 4096U}) {
      const ElfAddress address{range.start.value + step};
      const auto symbol = reader.find(address);
      if (!symbol)
        continue;
      require(symbol->start <= address);
      require(address.value - symbol->start.value < symbol->size);
      require(!symbol->name.empty() && symbol->name.size() <= kMaxName);
    }
  }
  for (const uint64_t address : {uint64_t{0}, uint64_t{1} << 63, UINT64_MAX})
    reader.find({address});
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto source = ByteSource::of_memory(std::as_bytes(std::span(data, size)));
  const auto image = ElfImage::open(source);
  if (!image) {
    require(!image.error().why.empty());
    return 0;
  }
  require(image->build_id().size() <= 64);
  for (const uint64_t offset : {uint64_t{0}, uint64_t{0x1000}, uint64_t{size}, UINT64_MAX})
    static_cast<void>(image->translate({offset}));
  const SymbolLimits limits = {.symbols = 5000, .xz = {.dictionary = 4 << 20, .output = 1 << 20}};
  const auto table = SymbolTable::build(source, *image, limits);
  require(table.size() <= limits.symbols + size / 8);
  look_up(*image, table, source);
  return 0;
}
