// Where functions start, as .eh_frame_hdr's table tells it: for what no symbol names, so that all
// frames of one function get one name.
//
// 4 bytes a function. Immutable; any thread.
// Source: LSB 5.0 Core, 10.6.2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"

namespace pprofd::symbolizer {

class FunctionStarts {
public:
  // Nothing where the file has no such table; at most four million functions. `image` must have its
  // sections still.
  static FunctionStarts read(const ByteSource& source, const ElfImage& image);

  // The last start at or before `address` in the same piece of code.
  [[nodiscard]] std::optional<ElfAddress> at(ElfAddress address) const;

  // The first address behind `address` for which at() may have another answer.
  [[nodiscard]] ElfAddress end_of(ElfAddress address) const;

  [[nodiscard]] size_t size() const { return starts_.size(); }
  [[nodiscard]] size_t memory() const; // bytes held

private:
  ElfAddress base_{};
  std::vector<uint32_t> starts_; // relative to base_, ascending
  std::vector<AddressRange> code_;
};

} // namespace pprofd::symbolizer
