#include "symbolizer/elf/segment.h"

#include "symbolizer/base/saturating.h"

namespace pprofd::symbolizer {
namespace {

constexpr uint64_t kPage = 4096;

} // namespace

std::optional<ElfAddress> translate(std::span<const ElfSegment> segments, FileOffset offset) {
  // Exact positions before those in the padding of a page, code before data.
  for (const bool padded : {false, true})
    for (const bool executable : {true, false})
      for (const ElfSegment& segment : segments) {
        if (segment.executable != executable || segment.file_size == 0)
          continue;
        const uint64_t lead = padded ? segment.offset % kPage : 0;
        const uint64_t start = segment.offset - lead;
        uint64_t end = saturating_add(segment.offset, segment.file_size);
        if (padded)
          end = saturating_add(end, kPage - 1) / kPage * kPage;
        if (offset.value >= start && offset.value < end)
          return ElfAddress{segment.address.value - lead + (offset.value - start)};
      }
  return std::nullopt;
}

} // namespace pprofd::symbolizer
