// The function symbols of one ELF file: from an address to the function around it.
//
// Sources, all merged: .symtab, .gnu_debugdata (only where .symtab is missing), .dynsym, and the
// stubs of the PLT, named `function@plt`. Taken are functions, indirect functions and untyped
// symbols in executable sections. Among names of one address: one with a size over one without, a
// function over an untyped one, global over weak over local, the earlier source over the later,
// then the shortest sane name, then the first in byte order. A symbol without size reaches to the
// next symbol or the end of its section, unless it stands within a symbol that has a size.
//
// The table keeps 16 bytes a symbol; names of .symtab and .dynsym stay in the file and are read
// when asked for, those of the other sources are kept in one blob. One thread at a time.
//
// Further sources (functions of DWARF units, Go's pclntab) become a SymbolOrigin of their own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"
#include "symbolizer/symbols/string_table.h"
#include "symbolizer/symbols/xz.h"

namespace pprofd::symbolizer {

enum class SymbolOrigin : uint8_t { kSymtab, kDebugdata, kDynsym, kPlt };
inline constexpr size_t kSymbolOrigins = 4;
std::string_view name_of(SymbolOrigin origin); // ".symtab", …

// `memcpy` of `memcpy@@GLIBC_2.14`, as linkers write versioned symbols into .symtab.
std::string_view without_version(std::string_view name);

struct SymbolLimits {
  size_t symbols = 3'000'000; // of all sources; the rest is left out, with a note
  XzLimits xz;
};

// One function symbol. Plain data.
struct Symbol {
  ElfAddress start;
  uint64_t size = 0;
  SymbolOrigin origin = SymbolOrigin::kSymtab;
  std::string name; // as the file has it, without its version; at most kMaxName bytes
};

class SymbolTable {
  struct Entry;

public:
  // Reads the symbols of `image`. Never fails: what could not be used is said by notes().
  static SymbolTable build(const ByteSource& source, const ElfImage& image,
                           const SymbolLimits& limits = {});

  // Finds names for a series of addresses. `source` must be the file the table was built from.
  class Reader {
  public:
    Reader(const SymbolTable& table, const ByteSource& source);
    std::optional<Symbol> find(ElfAddress address);
    // The table's symbol at `index`, in address order; nothing where its name can't be read.
    std::optional<Symbol> at(size_t index);

  private:
    std::optional<Symbol> symbol_of(const Entry& entry);

    const SymbolTable* table_;
    StringTable symtab_;
    StringTable dynsym_;
  };

  // The first address behind `address` for which find() may have another answer.
  [[nodiscard]] ElfAddress end_of(ElfAddress address) const;

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] size_t size() const { return entries_.size(); }
  [[nodiscard]] size_t count(SymbolOrigin origin) const;
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  [[nodiscard]] size_t memory() const; // bytes held

private:
  friend class SymbolTableBuilder;

  // Sizes beyond 64 MiB are cut.
  static constexpr unsigned kSizeBits = 26;
  static constexpr uint32_t kMaxSize = (uint32_t{1} << kSizeBits) - 1;
  struct Entry {
    ElfAddress start;
    uint32_t size : kSizeBits = 0;
    uint32_t origin : 3 = 0;
    uint32_t rank : 3 = 0; // function: 4; global: 2, weak: 1
    uint32_t name = 0;     // offset in the origin's string table, or in blob_
  };
  static_assert(sizeof(Entry) == 16);

  [[nodiscard]] const Entry* find(ElfAddress address) const;

  std::vector<Entry> entries_; // sorted by start, at one start the longer first
  std::string blob_;           // names with NULs between
  StringTableRange symtab_names_;
  StringTableRange dynsym_names_;
  std::vector<std::string> notes_;
};

} // namespace pprofd::symbolizer
