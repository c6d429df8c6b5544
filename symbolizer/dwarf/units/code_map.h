// Where the file has code. Debug information also describes code that the linker took out, at
// addresses that tell so (0, -1, -2): whatever does not start in code is none.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "symbolizer/base/address.h"

namespace pprofd::symbolizer::dwarf {

// Remembers the range found last: one user, one thread.
class CodeMap {
public:
  // Sorted and disjoint, as ElfImage::code() has them; they must outlive this.
  explicit CodeMap(std::span<const AddressRange> code) : code_(code) {}

  bool contains(uint64_t address) {
    if (address - start_ < size_)
      return true;
    const auto after =
        std::ranges::upper_bound(code_, ElfAddress{address}, {}, &AddressRange::start);
    if (after == code_.begin() || !std::prev(after)->contains({address}))
      return false;
    start_ = std::prev(after)->start.value;
    size_ = std::prev(after)->end.value - start_;
    return true;
  }

  [[nodiscard]] std::span<const AddressRange> ranges() const { return code_; }

private:
  std::span<const AddressRange> code_;
  uint64_t start_ = 0;
  uint64_t size_ = 0;
};

} // namespace pprofd::symbolizer::dwarf
