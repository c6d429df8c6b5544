// A loadable segment, and the way from a position in the file to an address. Plain data and
// arithmetic: whoever parses no file may use them on segments that somebody else has read.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "symbolizer/base/address.h"

namespace pprofd::symbolizer {

struct ElfSegment { // PT_LOAD
  uint64_t offset = 0;
  uint64_t file_size = 0;
  ElfAddress address;
  uint64_t memory_size = 0;
  bool executable = false;
};

// The address a byte of the file is loaded at. Executable segments first; a position in the rest
// of a segment's first or last page counts as the segment's, as mmap has it.
std::optional<ElfAddress> translate(std::span<const ElfSegment> segments, FileOffset offset);

} // namespace pprofd::symbolizer
