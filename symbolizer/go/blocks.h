// Bytes of a file in small blocks that are kept: for look-ups that jump between a few tables and
// read a number here and there. Memory is bounded.
// One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>
#include <vector>

#include "symbolizer/elf/byte_source.h"

namespace pprofd::symbolizer::go {

class Blocks {
public:
  static constexpr size_t kReach = 64;

  // `source` must outlive this; about `cache_bytes` of it are kept in memory at most.
  Blocks(const ByteSource& source, size_t cache_bytes);

  // At least `size` bytes, at most kReach, from `offset` in the file on; fewer at its end or where
  // it can't be read. Valid until the next call.
  std::span<const std::byte> at(uint64_t offset, size_t size);

  template <typename T>
    requires std::is_trivially_copyable_v<T>
  std::optional<T> read(uint64_t offset) {
    static_assert(sizeof(T) <= kReach);
    const auto bytes = at(offset, sizeof(T));
    if (bytes.size() < sizeof(T))
      return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }

private:
  static constexpr size_t kBlock = 4096;
  struct Slot {
    uint64_t index = UINT64_MAX;
    size_t size = 0;
    std::vector<std::byte> bytes;
  };

  const ByteSource* source_;
  std::vector<Slot> slots_;
};

} // namespace pprofd::symbolizer::go
