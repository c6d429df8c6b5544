#include "symbolizer/go/relocated.h"

#include <elf.h>

#include <algorithm>
#include <span>

namespace pprofd::symbolizer::go {
namespace {

constexpr uint64_t kMaxRead = 4ULL << 20; // relocations, of all sections
constexpr size_t kMaxKept = 1 << 20;
constexpr size_t kChunk = 8192;

bool is_relative(const Elf64_Rela& relocation, uint16_t machine) {
  const uint64_t type = ELF64_R_TYPE(relocation.r_info);
  return type == (machine == EM_AARCH64 ? uint64_t{R_AARCH64_RELATIVE} : R_X86_64_RELATIVE);
}

} // namespace

void each_relative(const ByteSource& source, const ElfImage& image,
                   const std::function<bool(const RelativeRelocation&)>& take) {
  std::vector<Elf64_Rela> chunk(kChunk);
  uint64_t budget = kMaxRead;
  for (const ElfSection& section : image.sections()) {
    if (section.type != SHT_RELA || (section.flags & SHF_ALLOC) == 0)
      continue;
    const uint64_t count = std::min(section.size / sizeof(Elf64_Rela), budget);
    budget -= count;
    for (uint64_t at = 0; at < count;) {
      const auto part = std::span(chunk).first(std::min<uint64_t>(count - at, chunk.size()));
      const size_t got =
          source.read_some(section.offset + at * sizeof(Elf64_Rela), std::as_writable_bytes(part)) /
          sizeof(Elf64_Rela);
      if (got == 0)
        break;
      for (const Elf64_Rela& relocation : part.first(got))
        if (is_relative(relocation, image.machine()) &&
            !take({.place = relocation.r_offset,
                   .value = static_cast<uint64_t>(relocation.r_addend)}))
          return;
      at += got;
    }
  }
}

RelocatedPointers::RelocatedPointers(const ByteSource& source, const ElfImage& image,
                                     AddressRange range)
    : source_(&source), image_(&image) {
  each_relative(source, image, [&](const RelativeRelocation& relocation) {
    if (range.contains({relocation.place}))
      relocations_.push_back(relocation);
    return relocations_.size() < kMaxKept;
  });
  std::ranges::sort(relocations_, {}, &RelativeRelocation::place);
}

std::optional<uint64_t> RelocatedPointers::relocated(ElfAddress address) const {
  const auto found =
      std::ranges::lower_bound(relocations_, address.value, {}, &RelativeRelocation::place);
  if (found != relocations_.end() && found->place == address.value)
    return found->value;
  return std::nullopt;
}

std::optional<uint64_t> RelocatedPointers::at(ElfAddress address) const {
  if (const auto value = relocated(address))
    return value;
  const auto place = file_range_at(*source_, *image_, address);
  if (!place || place->size < sizeof(uint64_t))
    return std::nullopt;
  const auto value = source_->read_as<uint64_t>(place->offset);
  return value ? std::optional(*value) : std::nullopt;
}

} // namespace pprofd::symbolizer::go
