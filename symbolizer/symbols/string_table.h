// Strings of an ELF string table, read as they are asked for: a table may be larger than what the
// worker may allocate. Nearby strings cost one read; the cache is bounded.
// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/elf/byte_source.h"

namespace pprofd::symbolizer {

// Longer names are cut there and marked.
inline constexpr size_t kMaxName = 64 << 10;
inline constexpr std::string_view kCutMark = "...";

// Where the strings stand in their source.
struct StringTableRange {
  uint64_t offset = 0;
  uint64_t size = 0;
};

class StringTable {
public:
  // `source` must outlive the table; `cache_bytes` of it are kept in memory at most.
  StringTable(const ByteSource& source, StringTableRange range, size_t cache_bytes = 16 << 20);

  // The string at `offset`, up to its NUL, the end of the table, or kMaxName bytes, whichever comes
  // first; a cut one ends in kCutMark. Empty where there is none. Valid until the next call.
  std::string_view at(uint64_t offset);

private:
  static constexpr size_t kBlock = 4096;
  struct Block {
    uint64_t index = UINT64_MAX;
    std::vector<char> bytes;
  };
  std::string_view block(uint64_t index);
  std::string_view join(uint64_t offset);

  const ByteSource* source_;
  StringTableRange range_;
  std::vector<Block> cache_;
  std::string joined_;
};

} // namespace pprofd::symbolizer
