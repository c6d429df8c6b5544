#include <elf.h>

#include <algorithm>
#include <array>
#include <memory>
#include <tuple>
#include <utility>

#include "symbolizer/symbols/plt.h"
#include "symbolizer/symbols/symbol_table.h"

namespace pprofd::symbolizer {
namespace {

constexpr uint64_t kMaxDebugdata = 32 << 20; // bytes of .gnu_debugdata
// Bytes of names that are compared to choose among aliases; beyond, the first in order is taken.
constexpr uint64_t kMaxCompared = 256 << 20;
constexpr size_t kMaxBlob = 64 << 20; // bytes of names that are kept in memory

// A local label that is no function: ARM's mapping symbols ($x, $d.1), assemblers' and annobin's
// markers (.L1, .annobin_…).
bool is_marker(std::string_view name) {
  if (name.starts_with('.'))
    return true;
  return name.size() >= 2 && name[0] == '$' &&
         std::string_view("axdt").find(name[1]) != std::string_view::npos &&
         (name.size() == 2 || name[2] == '.');
}

bool is_sane(std::string_view name) {
  return !name.empty() && std::ranges::all_of(name, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > ' ' && byte != 0x7f;
  });
}

} // namespace

std::string_view without_version(std::string_view name) {
  const size_t at = name.find('@', 1);
  return at == std::string_view::npos ? name : name.substr(0, at);
}

// Builds one table, once.
class SymbolTableBuilder {
public:
  SymbolTableBuilder(const ByteSource& source, const ElfImage& image, const SymbolLimits& limits)
      : source_(&source), image_(&image), limits_(limits) {}

  SymbolTable build() {
    if (image_->type() != ET_EXEC && image_->type() != ET_DYN) {
      note("not an executable or a shared library");
      return std::move(table_);
    }
    if (!image_->section_failure().empty())
      note(image_->section_failure());
    collect();
    choose_names();
    extend_sizeless();
    keep_debugdata_names();
    add_plt();
    return std::move(table_);
  }

private:
  using Entry = SymbolTable::Entry;

  // One symbol table section and the file it stands in.
  struct Part {
    SymbolOrigin origin = SymbolOrigin::kSymtab;
    const ByteSource* source = nullptr;
    uint64_t offset = 0;
    uint64_t count = 0;
    StringTableRange names;
  };

  void note(std::string text) { table_.notes_.push_back(std::move(text)); }

  void collect() {
    std::vector<Part> parts;
    add_part(*source_, *image_, SHT_SYMTAB, SymbolOrigin::kSymtab, parts);
    if (parts.empty())
      add_debugdata(parts);
    add_part(*source_, *image_, SHT_DYNSYM, SymbolOrigin::kDynsym, parts);
    plt_ = read_plt(*source_, *image_);

    for (const Part& part : parts)
      names_[static_cast<size_t>(part.origin)] =
          std::make_unique<StringTable>(*part.source, part.names);
    size_t wanted = 0;
    for (const Part& part : parts)
      for_each(part, [&](const Elf64_Sym&) { ++wanted; });
    if (wanted > limits_.symbols)
      note(std::to_string(wanted) + " symbols, of which " + std::to_string(limits_.symbols) +
           " are used");
    table_.entries_.reserve(std::min(wanted, limits_.symbols) + plt_.entries.size());
    for (const Part& part : parts)
      for_each(part, [&](const Elf64_Sym& symbol) { add(symbol, part.origin); });
    sort();
  }

  void sort() {
    std::ranges::sort(table_.entries_, {}, [](const Entry& entry) {
      return std::tuple(entry.start, -static_cast<int64_t>(entry.size),
                        -static_cast<int>(entry.rank), unsigned{entry.origin}, entry.name);
    });
  }

  void add_part(const ByteSource& source, const ElfImage& image, uint32_t type, SymbolOrigin origin,
                std::vector<Part>& parts) {
    const ElfSection* section = image.find_section(type);
    if (section == nullptr)
      return;
    const std::string name(name_of(origin));
    const ElfSection* strings = image.section(section->link);
    if (section->entry_size != sizeof(Elf64_Sym)) {
      note(name + ": entries of " + std::to_string(section->entry_size) + " bytes");
      return;
    }
    if (strings == nullptr || strings->type != SHT_STRTAB) {
      note(name + ": no string table");
      return;
    }
    if (section->offset > source.size() || section->size > source.size() - section->offset) {
      note(name + ": it reaches beyond the end of the file");
      return;
    }
    if (strings->offset > source.size() || strings->size > source.size() - strings->offset) {
      note(name + ": its string table reaches beyond the end of the file");
      return;
    }
    const StringTableRange names{strings->offset, strings->size};
    if (origin == SymbolOrigin::kSymtab)
      table_.symtab_names_ = names;
    if (origin == SymbolOrigin::kDynsym)
      table_.dynsym_names_ = names;
    parts.push_back({.origin = origin,
                     .source = &source,
                     .offset = section->offset,
                     .count = section->size / sizeof(Elf64_Sym),
                     .names = names});
  }

  void add_debugdata(std::vector<Part>& parts) {
    const ElfSection* section = image_->find_section(".gnu_debugdata");
    if (section == nullptr)
      return;
    const std::string name(name_of(SymbolOrigin::kDebugdata));
    if (section->size > kMaxDebugdata) {
      note(name + ": it has " + std::to_string(section->size) + " bytes");
      return;
    }
    auto inflated = inflate_xz(*source_, section->offset, section->size, limits_.xz);
    if (!inflated) {
      note(name + ": " + inflated.error().why);
      return;
    }
    debugdata_ = std::move(*inflated);
    inner_source_ = ByteSource::of_memory(debugdata_.bytes());
    auto inner = ElfImage::open(*inner_source_);
    if (!inner) {
      note(name + ": " + inner.error().why);
      return;
    }
    add_part(*inner_source_, *inner, SHT_SYMTAB, SymbolOrigin::kDebugdata, parts);
  }

  // Calls `take` with every symbol of the section that may be a function's.
  template <typename Take> void for_each(const Part& part, Take take) {
    std::array<Elf64_Sym, 1024> chunk{};
    for (uint64_t at = 0; at < part.count; at += chunk.size()) {
      const auto piece = std::span(chunk).first(std::min<uint64_t>(chunk.size(), part.count - at));
      if (!part.source->read(part.offset + at * sizeof(Elf64_Sym), std::as_writable_bytes(piece)))
        return;
      for (const Elf64_Sym& symbol : piece)
        if (is_wanted(symbol, *names_[static_cast<size_t>(part.origin)]))
          take(symbol);
    }
  }

  bool is_wanted(const Elf64_Sym& symbol, StringTable& names) {
    const unsigned type = ELF64_ST_TYPE(symbol.st_info);
    if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
      return false;
    if (symbol.st_name == 0 || symbol.st_shndx == SHN_UNDEF ||
        (symbol.st_shndx >= SHN_LORESERVE && symbol.st_shndx != SHN_XINDEX))
      return false;
    if (image_->code_at({symbol.st_value}) == nullptr)
      return false;
    const bool label =
        type == STT_NOTYPE && symbol.st_size == 0 && ELF64_ST_BIND(symbol.st_info) == STB_LOCAL;
    return !label || !is_marker(names.at(symbol.st_name));
  }

  void add(const Elf64_Sym& symbol, SymbolOrigin origin) {
    if (table_.entries_.size() >= limits_.symbols)
      return;
    const ElfAddress start{symbol.st_value};
    const uint64_t room = image_->code_at(start)->end.value - start.value;
    uint32_t rank = ELF64_ST_TYPE(symbol.st_info) == STT_NOTYPE ? 0 : 4;
    if (ELF64_ST_BIND(symbol.st_info) == STB_WEAK)
      rank |= 1;
    else if (ELF64_ST_BIND(symbol.st_info) != STB_LOCAL)
      rank |= 2;
    Entry entry{.start = start, .name = symbol.st_name};
    set_size(entry, std::min(symbol.st_size, room));
    entry.origin = static_cast<uint32_t>(origin) & 7;
    entry.rank = rank & 7;
    table_.entries_.push_back(entry);
  }

  static void set_size(Entry& entry, uint64_t size) {
    entry.size = std::min<uint64_t>(size, SymbolTable::kMaxSize) & SymbolTable::kMaxSize;
  }

  // Of the names of each address keeps the best, and before it a longer one where there is.
  void choose_names() {
    std::vector<Entry>& entries = table_.entries_;
    size_t kept = 0;
    for (size_t first = 0; first < entries.size();) {
      size_t last = first + 1;
      while (last < entries.size() && entries[last].start == entries[first].start)
        ++last;
      const Entry best = best_of(std::span(entries).subspan(first, last - first));
      if (const Entry longest = entries[first]; longest.size > best.size && best.size != 0)
        entries[kept++] = longest;
      entries[kept++] = best;
      first = last;
    }
    entries.resize(kept);
  }

  Entry best_of(std::span<const Entry> aliases) {
    const auto key = [](const Entry& entry) {
      return std::tuple(entry.size != 0, unsigned{entry.rank});
    };
    const Entry* best = nullptr;
    std::string best_name;
    for (const Entry& entry : aliases) {
      if (best == nullptr || key(entry) > key(*best)) {
        best = &entry;
        best_name.clear();
        continue;
      }
      if (key(entry) < key(*best) || compared_ > kMaxCompared)
        continue;
      if (best_name.empty())
        best_name = name_at(*best);
      if (const std::string_view name = name_at(entry); is_better(name, best_name)) {
        best = &entry;
        best_name = name;
      }
    }
    return *best;
  }

  std::string_view name_at(const Entry& entry) {
    const std::string_view name = without_version(names_[entry.origin]->at(entry.name));
    compared_ += name.size();
    return name;
  }

  static bool is_better(std::string_view name, std::string_view other) {
    const auto key = [](std::string_view text) {
      return std::tuple(!is_sane(text), text.size(), text);
    };
    return key(name) < key(other);
  }

  // Gives symbols without size theirs; drops those within a function that has one.
  void extend_sizeless() {
    std::vector<Entry>& entries = table_.entries_;
    size_t kept = 0;
    ElfAddress covered{0}; // end of the functions so far that have a size
    for (size_t i = 0; i < entries.size(); ++i) {
      Entry entry = entries[i];
      if (entry.size != 0) {
        covered = std::max(covered, {entry.start.value + entry.size});
      } else {
        if (entry.start < covered)
          continue;
        uint64_t end = image_->code_at(entry.start)->end.value;
        if (i + 1 < entries.size())
          end = std::min(end, entries[i + 1].start.value);
        set_size(entry, end - entry.start.value);
      }
      entries[kept++] = entry;
    }
    entries.resize(kept);
  }

  // The name's place in the blob; that of an empty name where the blob is full.
  uint32_t keep(std::string_view name) {
    if (table_.blob_.size() + name.size() > kMaxBlob)
      return static_cast<uint32_t>(table_.blob_.size()) - 1;
    const auto at = static_cast<uint32_t>(table_.blob_.size());
    table_.blob_ += name;
    table_.blob_ += '\0';
    return at;
  }

  void keep_debugdata_names() {
    for (Entry& entry : table_.entries_)
      if (entry.origin == static_cast<uint32_t>(SymbolOrigin::kDebugdata))
        entry.name = keep(without_version(names_[entry.origin]->at(entry.name)));
  }

  void add_plt() {
    StringTable names(*source_, plt_.names);
    SymbolTable::Reader resolvers(table_, *source_);
    std::vector<Entry> stubs;
    for (const PltEntry& plt : plt_.entries) {
      std::string name;
      if (plt.name != 0)
        name = without_version(names.at(plt.name));
      else if (auto resolver = resolvers.find(plt.resolver); resolver)
        name = std::move(resolver->name);
      if (name.empty())
        continue;
      Entry entry{.start = plt.start};
      set_size(entry, plt.size);
      entry.origin = static_cast<uint32_t>(SymbolOrigin::kPlt) & 7;
      entry.name = keep(name + "@plt");
      stubs.push_back(entry);
    }
    if (stubs.empty())
      return;
    table_.entries_.insert(table_.entries_.end(), stubs.begin(), stubs.end());
    sort();
  }

  const ByteSource* source_;
  const ElfImage* image_;
  SymbolLimits limits_;
  SymbolTable table_;
  PltEntries plt_;
  InflatedBytes debugdata_;
  std::optional<ByteSource> inner_source_;
  std::array<std::unique_ptr<StringTable>, kSymbolOrigins> names_;
  uint64_t compared_ = 0;
};

SymbolTable SymbolTable::build(const ByteSource& source, const ElfImage& image,
                               const SymbolLimits& limits) {
  return SymbolTableBuilder(source, image, limits).build();
}

} // namespace pprofd::symbolizer
