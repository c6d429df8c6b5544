#include "symbolizer/symbols/string_table.h"

#include <algorithm>

namespace pprofd::symbolizer {

StringTable::StringTable(const ByteSource& source, StringTableRange range, size_t cache_bytes)
    : source_(&source), range_(range) {
  if (range_.offset > source.size())
    range_ = {};
  range_.size = std::min(range_.size, source.size() - range_.offset);
  cache_.resize(std::min<uint64_t>(cache_bytes / kBlock, range_.size / kBlock + 1));
}

std::string_view StringTable::at(uint64_t offset) {
  if (offset >= range_.size)
    return {};
  const std::string_view here = block(offset / kBlock);
  const size_t within = offset % kBlock;
  if (within >= here.size())
    return {};
  const std::string_view rest = here.substr(within);
  const size_t end = rest.find('\0');
  return end != std::string_view::npos ? rest.substr(0, end) : join(offset);
}

// A string that crosses blocks.
std::string_view StringTable::join(uint64_t offset) {
  joined_.clear();
  while (offset < range_.size && joined_.size() <= kMaxName) {
    const std::string_view here = block(offset / kBlock);
    const size_t within = offset % kBlock;
    if (within >= here.size())
      break;
    const std::string_view rest = here.substr(within);
    const size_t end = rest.find('\0');
    joined_ += rest.substr(0, end);
    if (end != std::string_view::npos)
      break;
    offset += rest.size();
  }
  if (joined_.size() > kMaxName) {
    joined_.resize(kMaxName - kCutMark.size());
    joined_ += kCutMark;
  }
  return joined_;
}

std::string_view StringTable::block(uint64_t index) {
  Block& slot = cache_[index % cache_.size()];
  if (slot.index != index) {
    const uint64_t start = index * kBlock;
    slot.bytes.resize(std::min<uint64_t>(kBlock, range_.size - start));
    const auto bytes = std::as_writable_bytes(std::span(slot.bytes));
    slot.index = index;
    slot.bytes.resize(source_->read_some(range_.offset + start, bytes));
  }
  return {slot.bytes.data(), slot.bytes.size()};
}

} // namespace pprofd::symbolizer
