#include "symbolizer/symbols/symbol_table.h"

#include <algorithm>

#include "symbolizer/base/saturating.h"

namespace pprofd::symbolizer {
namespace {

// A symbol may lie within another one; how many are looked through for one that is around an
// address.
constexpr int kMaxNesting = 256;
constexpr size_t kReaderCache = 1 << 20;

} // namespace

std::string_view name_of(SymbolOrigin origin) {
  static constexpr std::array<std::string_view, kSymbolOrigins> kNames = {
      ".symtab", ".gnu_debugdata", ".dynsym", ".plt"};
  return kNames[static_cast<size_t>(origin)];
}

size_t SymbolTable::count(SymbolOrigin origin) const {
  return static_cast<size_t>(std::ranges::count_if(
      entries_, [&](const Entry& entry) { return entry.origin == static_cast<uint32_t>(origin); }));
}

size_t SymbolTable::memory() const {
  return sizeof *this + entries_.capacity() * sizeof(Entry) + blob_.capacity();
}

const SymbolTable::Entry* SymbolTable::find(ElfAddress address) const {
  auto after = std::ranges::upper_bound(entries_, address, {}, &Entry::start);
  for (int step = 0; step < kMaxNesting && after != entries_.begin(); ++step) {
    --after;
    if (address.value - after->start.value < after->size)
      return &*after;
  }
  return nullptr;
}

ElfAddress SymbolTable::end_of(ElfAddress address) const {
  const auto after = std::ranges::upper_bound(entries_, address, {}, &Entry::start);
  const uint64_t next = after == entries_.end() ? UINT64_MAX : after->start.value;
  const Entry* const found = find(address);
  return {found == nullptr ? next
                           : std::min(next, saturating_add(found->start.value, found->size))};
}

SymbolTable::Reader::Reader(const SymbolTable& table, const ByteSource& source)
    : table_(&table), symtab_(source, table.symtab_names_, kReaderCache),
      dynsym_(source, table.dynsym_names_, kReaderCache) {}

std::optional<Symbol> SymbolTable::Reader::find(ElfAddress address) {
  const Entry* entry = table_->find(address);
  return entry != nullptr ? symbol_of(*entry) : std::nullopt;
}

std::optional<Symbol> SymbolTable::Reader::at(size_t index) {
  return symbol_of(table_->entries_.at(index));
}

std::optional<Symbol> SymbolTable::Reader::symbol_of(const Entry& entry) {
  Symbol symbol{.start = entry.start,
                .size = entry.size,
                .origin = static_cast<SymbolOrigin>(entry.origin),
                .name = {}};
  if (symbol.origin == SymbolOrigin::kSymtab)
    symbol.name = without_version(symtab_.at(entry.name));
  else if (symbol.origin == SymbolOrigin::kDynsym)
    symbol.name = without_version(dynsym_.at(entry.name));
  else
    symbol.name = table_->blob_.c_str() + entry.name;
  if (symbol.name.empty())
    return std::nullopt;
  return symbol;
}

} // namespace pprofd::symbolizer
