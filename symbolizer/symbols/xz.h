// Inflates .gnu_debugdata (an xz stream). The input may be anybody's: what it may cost is bounded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "symbolizer/base/result.h"
#include "symbolizer/elf/byte_source.h"

namespace pprofd::symbolizer {

struct XzLimits {
  uint64_t dictionary = 24 << 20; // bytes the decoder may allocate; `xz` asks for 9 MB, `xz -9` 65
  uint64_t output = 48 << 20;     // bytes of the inflated file
};

// Bytes from malloc(), which unlike a vector's grow without a second copy (mremap).
class InflatedBytes {
public:
  [[nodiscard]] std::span<const std::byte> bytes() const { return {data_.get(), size_}; }
  // Makes room for `size` more behind the end; false: no memory.
  bool reserve_more(size_t size);
  [[nodiscard]] std::span<std::byte> room() { return {data_.get() + size_, capacity_ - size_}; }
  void commit(size_t size) { size_ += size; }

private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::unique_ptr<std::byte, Free> data_;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// The content of the xz stream at [offset, offset + size) of `source`.
Result<InflatedBytes> inflate_xz(const ByteSource& source, uint64_t offset, uint64_t size,
                                 const XzLimits& limits = {});

} // namespace pprofd::symbolizer
