#include "symbolizer/go/blocks.h"

#include <algorithm>

namespace pprofd::symbolizer::go {

Blocks::Blocks(const ByteSource& source, size_t cache_bytes)
    : source_(&source),
      slots_(std::min<uint64_t>(cache_bytes / kBlock + 1, source.size() / kBlock + 1)) {}

std::span<const std::byte> Blocks::at(uint64_t offset, size_t size) {
  if (size > kReach || offset >= source_->size())
    return {};
  const uint64_t index = offset / kBlock;
  Slot& slot = slots_[index % slots_.size()];
  if (slot.index != index) {
    slot.bytes.resize(kBlock + kReach);
    slot.size = source_->read_some(index * kBlock, slot.bytes);
    slot.index = index;
  }
  const size_t into = offset % kBlock;
  if (into >= slot.size)
    return {};
  return std::span<const std::byte>(slot.bytes).subspan(into, slot.size - into);
}

} // namespace pprofd::symbolizer::go
