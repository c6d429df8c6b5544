#include "symbolizer/symbols/plt.h"

#include <elf.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace pprofd::symbolizer {
namespace {

constexpr uint64_t kMaxPlt = 8 << 20; // bytes of all stubs
constexpr size_t kMinStub = 8;
constexpr size_t kMaxStub = 16;
constexpr uint64_t kMaxRelocations = 4'000'000; // of all sections

struct Stub {
  ElfAddress start;
  uint32_t size = 0;
  uint64_t slot = 0;                            // address of the GOT slot
  std::optional<uint32_t> index = std::nullopt; // number of the relocation in .rela.plt
  bool named = false;
};

bool matches(std::span<const std::byte> code, std::initializer_list<int> bytes) {
  return code.size() >= bytes.size() &&
         std::equal(bytes.begin(), bytes.end(), code.begin(), [](int wanted, std::byte byte) {
           return wanted == std::to_integer<int>(byte);
         });
}

uint32_t word_at(std::span<const std::byte> code, size_t at) {
  uint32_t word = 0;
  std::memcpy(&word, code.data() + at, sizeof word);
  return word;
}

// What one stub of `code` does; `address` is that of its first byte.
std::optional<Stub> decode(std::span<const std::byte> code, ElfAddress address) {
  size_t at = 0;
  if (matches(code, {0xf3, 0x0f, 0x1e, 0xfa})) // endbr64
    at = 4;
  const std::span<const std::byte> body = code.subspan(at);
  if (at != 0 && body.size() >= 5 && matches(body, {0x68})) // push $index
    return Stub{.start = address, .index = word_at(body, 1)};
  if (matches(body, {0xf2})) // bnd
    ++at;
  if (code.size() < at + 6 || !matches(code.subspan(at), {0xff, 0x25})) // jmp *disp(%rip)
    return std::nullopt;
  const auto displacement = static_cast<int32_t>(word_at(code, at + 2));
  return Stub{.start = address,
              .slot = address.value + at + 6 + static_cast<uint64_t>(int64_t{displacement})};
}

// Stubs have 8 or 16 bytes and no section says which: all positions are tried, the relocations
// tell which of them are stubs. `budget`: the bytes that may still be read.
void decode_section(const ByteSource& source, const ElfSection& section, uint64_t& budget,
                    std::vector<Stub>& stubs) {
  if (section.type != SHT_PROGBITS)
    return;
  auto bytes = source.read_copy(section.offset, section.size, budget);
  if (!bytes)
    return;
  budget -= bytes->size();
  const std::span<const std::byte> code(*bytes);
  for (size_t at = 0; at < code.size(); at += kMinStub) {
    const auto piece = code.subspan(at, std::min(kMaxStub, code.size() - at));
    auto stub = decode(piece, {section.address.value + at});
    if (!stub)
      continue;
    stub->size = static_cast<uint32_t>(piece.size());
    stubs.push_back(*stub);
  }
}

std::vector<Stub> decode_stubs(const ByteSource& source, const ElfImage& image) {
  static constexpr std::array<std::string_view, 5> kNames = {".plt", ".plt.sec", ".plt.got",
                                                             ".plt.bnd", ".iplt"};
  std::vector<Stub> stubs;
  uint64_t budget = kMaxPlt;
  for (const ElfSection& section : image.sections())
    if (std::ranges::find(kNames, image.name_of(section)) != kNames.end())
      decode_section(source, section, budget, stubs);
  return stubs;
}

// Joins stubs with the relocations that fill their slots.
class Joiner {
public:
  Joiner(const ByteSource& source, const ElfImage& image, const std::vector<Stub>& stubs)
      : source_(&source), image_(&image) {
    for (const Stub& stub : stubs)
      (stub.index ? by_index_ : by_slot_).push_back(stub);
    std::ranges::sort(by_slot_, {}, &Stub::slot);
    std::ranges::sort(by_index_, {}, &Stub::index);
  }

  PltEntries join() && {
    for (const ElfSection& section : image_->sections())
      if (section.type == SHT_RELA && section.entry_size == sizeof(Elf64_Rela))
        read(section);
    std::vector<PltEntry>& entries = result_.entries;
    std::ranges::sort(entries, {}, &PltEntry::start);
    for (size_t i = 1; i < entries.size(); ++i) {
      const uint64_t distance = entries[i].start.value - entries[i - 1].start.value;
      if (distance < entries[i - 1].size)
        entries[i - 1].size = static_cast<uint32_t>(distance);
    }
    return std::move(result_);
  }

private:
  void read(const ElfSection& section) {
    symbols_ = image_->section(section.link);
    if (symbols_ != nullptr && symbols_->type != SHT_DYNSYM)
      symbols_ = nullptr;
    if (symbols_ != nullptr && result_.names.size == 0)
      if (const ElfSection* strings = image_->section(symbols_->link); strings != nullptr)
        result_.names = {strings->offset, strings->size};
    const bool lazy = image_->name_of(section) == ".rela.plt";
    const uint64_t count = std::min(section.size / sizeof(Elf64_Rela), budget_);
    budget_ -= count;
    std::array<Elf64_Rela, 512> chunk{};
    for (uint64_t at = 0; at < count; at += chunk.size()) {
      const auto piece = std::span(chunk).first(std::min<uint64_t>(chunk.size(), count - at));
      if (!source_->read(section.offset + at * sizeof(Elf64_Rela), std::as_writable_bytes(piece)))
        return;
      for (size_t i = 0; i < piece.size(); ++i) {
        const uint64_t type = ELF64_R_TYPE(piece[i].r_info);
        if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT && type != R_X86_64_IRELATIVE)
          continue;
        name(std::ranges::equal_range(by_slot_, piece[i].r_offset, {}, &Stub::slot), piece[i]);
        if (const std::optional<uint32_t> index(static_cast<uint32_t>(at + i)); lazy)
          name(std::ranges::equal_range(by_index_, index, {}, &Stub::index), piece[i]);
      }
    }
  }

  // The first relocation names the stubs.
  void name(std::span<Stub> stubs, const Elf64_Rela& relocation) {
    if (stubs.empty() || std::exchange(stubs.front().named, true))
      return;
    PltEntry entry;
    if (ELF64_R_TYPE(relocation.r_info) == R_X86_64_IRELATIVE) {
      entry.resolver = {static_cast<uint64_t>(relocation.r_addend)};
    } else {
      const uint64_t number = ELF64_R_SYM(relocation.r_info);
      if (symbols_ == nullptr || number >= symbols_->size / sizeof(Elf64_Sym))
        return;
      auto symbol = source_->read_as<Elf64_Sym>(symbols_->offset + number * sizeof(Elf64_Sym));
      if (!symbol || symbol->st_name == 0)
        return;
      entry.name = symbol->st_name;
    }
    for (const Stub& stub : stubs) {
      entry.start = stub.start;
      entry.size = stub.size;
      result_.entries.push_back(entry);
    }
  }

  const ByteSource* source_;
  const ElfImage* image_;
  std::vector<Stub> by_slot_;
  std::vector<Stub> by_index_; // lazy stubs that push their relocation's number
  const ElfSection* symbols_ = nullptr;
  uint64_t budget_ = kMaxRelocations;
  PltEntries result_;
};

} // namespace

PltEntries read_plt(const ByteSource& source, const ElfImage& image) {
  if (image.machine() != EM_X86_64)
    return {};
  const std::vector<Stub> stubs = decode_stubs(source, image);
  if (stubs.empty())
    return {};
  return Joiner(source, image, stubs).join();
}

} // namespace pprofd::symbolizer
