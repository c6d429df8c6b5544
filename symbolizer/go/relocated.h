// Pointers in a file as the dynamic loader leaves them, before the load address is added: a program
// that is loaded anywhere keeps them in its relocations (R_*_RELATIVE), and the place itself may
// hold nothing. Without a section table relocations are not found.
//
// Source: psABI of x86-64, 4.4.1; ELF for the Arm 64-bit Architecture, 5.7.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"

namespace pprofd::symbolizer::go {

struct RelativeRelocation {
  uint64_t place = 0; // address
  uint64_t value = 0;
};

// Calls `take` for each of the file's relative relocations, in no order, until it returns false.
// Reads a bounded number of them.
void each_relative(const ByteSource& source, const ElfImage& image,
                   const std::function<bool(const RelativeRelocation&)>& take);

class RelocatedPointers {
public:
  // For pointers in `range`; of a range with more relocations than are kept, some are missing.
  // `source` and `image` must outlive this.
  RelocatedPointers(const ByteSource& source, const ElfImage& image, AddressRange range);

  // By a relocation alone.
  [[nodiscard]] std::optional<uint64_t> relocated(ElfAddress address) const;
  // By a relocation, else what the file has there.
  [[nodiscard]] std::optional<uint64_t> at(ElfAddress address) const;

private:
  const ByteSource* source_;
  const ElfImage* image_;
  std::vector<RelativeRelocation> relocations_; // by place
};

} // namespace pprofd::symbolizer::go
