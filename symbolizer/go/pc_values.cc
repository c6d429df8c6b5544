#include "symbolizer/go/pc_values.h"

#include <algorithm>

#include "symbolizer/unwind/cfi/cursor.h"

namespace pprofd::symbolizer::go {
namespace {

constexpr size_t kMaxPairBytes = 20;

} // namespace

bool PcValueReader::next(PcValue& piece) {
  if (failed_ || pairs_ == kMaxPairs)
    return false;
  cfi::Cursor cursor(blocks_->at(offset_, kMaxPairBytes));
  const auto difference = static_cast<uint32_t>(cursor.uleb());
  if (difference == 0 && pairs_ != 0)
    return false;
  piece.size = uint64_t{static_cast<uint32_t>(cursor.uleb())} * quantum_;
  failed_ = cursor.failed();
  offset_ += cursor.position();
  ++pairs_;
  value_ += (difference >> 1) ^ (0U - (difference & 1));
  piece.value = static_cast<int32_t>(value_);
  return !failed_;
}

void PcValues::load(PcValueReader reader, uint64_t size) {
  steps_.clear();
  const uint64_t limit = std::min<uint64_t>(size, UINT32_MAX);
  uint64_t end = 0;
  for (PcValue piece; end < limit && reader.next(piece);) {
    end = std::min(end + piece.size, limit);
    if (piece.size != 0)
      steps_.push_back({.end = static_cast<uint32_t>(end), .value = piece.value});
  }
}

int32_t PcValues::at(uint64_t offset) const {
  const auto step = std::ranges::upper_bound(steps_, offset, {}, &Step::end);
  return step == steps_.end() ? kNone : step->value;
}

} // namespace pprofd::symbolizer::go
