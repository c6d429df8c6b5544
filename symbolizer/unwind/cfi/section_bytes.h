// The bytes of the CFI sections, a window at a time: sections of any size in a megabyte of memory.
// A walk in address order follows the section in a few ascending streams (hot code, cold code,
// start-up code), each of which keeps a window of its own.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "symbolizer/elf/byte_source.h"
#include "symbolizer/unwind/cfi/sections.h"

namespace pprofd::symbolizer::cfi {

class SectionBytes {
public:
  static constexpr size_t kBlock = size_t{64} << 10;
  static constexpr size_t kOverlap = size_t{4} << 10; // what a window holds beyond its block

  // `source` must outlive this.
  explicit SectionBytes(const ByteSource& source) : source_(&source) {}

  // At least `size` bytes from `offset` on where the section has as many, else all there are;
  // empty where they can't be read. Valid until the next call but kWindows - 1, and if more than
  // kOverlap bytes were asked for, until the next call that asks for as many.
  std::span<const std::byte> at(const CfiSection& section, uint64_t offset, size_t size) {
    // Mostly the next bytes of the window used last.
    const uint64_t into = offset - last_start_;
    if (&section == last_section_ && into < last_bytes_.size() && size <= last_bytes_.size() - into)
      return last_bytes_.subspan(into);
    return find(section, offset, size);
  }

private:
  static constexpr size_t kWindows = 12;
  struct Window {
    uint64_t start = UINT64_MAX; // in the file
    uint64_t used = 0;
    size_t size = 0;
    std::vector<std::byte> bytes;
  };

  std::span<const std::byte> find(const CfiSection& section, uint64_t offset, size_t size);
  Window& window_of(const CfiSection& section, uint64_t block);
  std::span<const std::byte> large(const CfiSection& section, uint64_t offset, size_t size);

  const ByteSource* source_;
  std::array<Window, kWindows> windows_;
  Window* last_ = windows_.data();
  uint64_t clock_ = 0;
  // What last_ holds of which section, from which offset of it on.
  const CfiSection* last_section_ = nullptr;
  uint64_t last_start_ = 0;
  std::span<const std::byte> last_bytes_;
  std::vector<std::byte> large_;
};

} // namespace pprofd::symbolizer::cfi
