#include "symbolizer/go/pc_values.h"

#include <algorithm>

namespace pprofd::symbolizer::go {

void PcValues::start(const PcValueReader& reader, uint64_t size) {
  reader_ = reader;
  size_ = static_cast<uint32_t>(std::min<uint64_t>(size, UINT32_MAX));
  end_ = 0;
  steps_.clear();
}

int32_t PcValues::at(Blocks& blocks, uint64_t offset) {
  if (offset >= size_)
    return kNone;
  if (end_ <= offset)
    reader_.read(blocks, [&](const PcValue& piece) {
      end_ = static_cast<uint32_t>(std::min<uint64_t>(end_ + piece.size, size_));
      if (piece.size != 0)
        steps_.push_back({.end = end_, .value = piece.value});
      return end_ <= offset;
    });
  const auto step = std::ranges::upper_bound(steps_, offset, {}, &Step::end);
  return step == steps_.end() ? kNone : step->value;
}

} // namespace pprofd::symbolizer::go
