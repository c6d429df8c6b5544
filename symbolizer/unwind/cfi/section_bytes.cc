#include "symbolizer/unwind/cfi/section_bytes.h"

#include <algorithm>

namespace pprofd::symbolizer::cfi {

std::span<const std::byte> SectionBytes::find(const CfiSection& section, uint64_t offset,
                                              size_t size) {
  if (offset >= section.size)
    return {};
  size = std::min<uint64_t>(size, section.size - offset);
  if (!section.inflated.empty())
    return std::span(section.inflated).subspan(offset);
  if (size > kOverlap)
    return large(section, offset, size);
  const uint64_t block = offset / kBlock * kBlock;
  const Window& window = window_of(section, block);
  const size_t into = offset - block;
  last_section_ = &section;
  last_start_ = block;
  last_bytes_ = std::span<const std::byte>(window.bytes).first(window.size);
  if (window.size < into + size)
    return {};
  return std::span<const std::byte>(window.bytes).subspan(into, window.size - into);
}

SectionBytes::Window& SectionBytes::window_of(const CfiSection& section, uint64_t block) {
  const uint64_t start = section.offset + block;
  // Sections may overlap in a hostile file; then a window may end with another section's end.
  const size_t wanted = std::min<uint64_t>(kBlock + kOverlap, section.size - block);
  const auto fits = [&](const Window& window) {
    return window.start == start && window.bytes.size() == wanted;
  };
  ++clock_;
  if (!fits(*last_)) {
    const auto found = std::ranges::find_if(windows_, fits);
    last_ =
        found != windows_.end() ? &*found : &*std::ranges::min_element(windows_, {}, &Window::used);
  }
  last_->used = clock_;
  if (!fits(*last_)) {
    last_->start = start;
    last_->bytes.resize(wanted);
    last_->size = source_->read_some(start, last_->bytes);
  }
  return *last_;
}

std::span<const std::byte> SectionBytes::large(const CfiSection& section, uint64_t offset,
                                               size_t size) {
  large_.resize(size);
  if (!source_->read(section.offset + offset, large_))
    return {};
  return large_;
}

} // namespace pprofd::symbolizer::cfi
