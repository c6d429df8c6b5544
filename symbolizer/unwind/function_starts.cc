#include "symbolizer/unwind/function_starts.h"

#include <algorithm>
#include <array>

#include "symbolizer/unwind/cfi/sections.h"

namespace pprofd::symbolizer {
namespace {

constexpr uint64_t kMostFunctions = uint64_t{4} << 20;

struct TableEntry {
  int32_t start; // relative to the header
  int32_t fde;
};

} // namespace

FunctionStarts FunctionStarts::read(const ByteSource& source, const ElfImage& image) {
  FunctionStarts result;
  const auto header = cfi::find_cfi_sections(source, image).header;
  if (!header || image.code().empty())
    return result;
  result.code_ = image.code();
  result.base_ = result.code_.front().start;
  std::array<TableEntry, 1024> chunk{};
  const uint64_t entries = std::min(header->entries, kMostFunctions);
  for (uint64_t done = 0; done < entries; done += chunk.size()) {
    const auto piece = std::span(chunk).first(std::min<uint64_t>(chunk.size(), entries - done));
    if (!source.read(header->table_offset + (done * sizeof(TableEntry)),
                     std::as_writable_bytes(piece)))
      break;
    for (const TableEntry& entry : piece) {
      const ElfAddress start{header->address.value + static_cast<uint64_t>(int64_t{entry.start})};
      const uint64_t relative = start.value - result.base_.value;
      if (image.code_at(start) != nullptr && relative <= UINT32_MAX)
        result.starts_.push_back(static_cast<uint32_t>(relative));
    }
  }
  std::ranges::sort(result.starts_); // as it should be already
  return result;
}

std::optional<ElfAddress> FunctionStarts::at(ElfAddress address) const {
  const auto piece = std::ranges::find_if(
      code_, [&](const AddressRange& range) { return range.contains(address); });
  if (piece == code_.end())
    return std::nullopt;
  const auto after = std::ranges::upper_bound(starts_, address.value - base_.value);
  if (after == starts_.begin())
    return std::nullopt;
  const ElfAddress start{base_.value + *std::prev(after)};
  return piece->contains(start) ? std::optional(start) : std::nullopt;
}

ElfAddress FunctionStarts::end_of(ElfAddress address) const {
  uint64_t end = UINT64_MAX;
  if (const auto next = std::ranges::upper_bound(code_, address, {}, &AddressRange::end);
      next != code_.end())
    end = (next->start > address ? next->start : next->end).value;
  const uint64_t relative = address < base_ ? 0 : address.value - base_.value;
  const auto after = std::ranges::upper_bound(starts_, relative);
  return {after == starts_.end() ? end : std::min(end, base_.value + *after)};
}

size_t FunctionStarts::memory() const {
  return (starts_.capacity() * sizeof(uint32_t)) + (code_.capacity() * sizeof(AddressRange));
}

} // namespace pprofd::symbolizer
