// Where a file keeps its call frame information.
// Source: gabi, chapter 4 (compressed sections); LSB 5.0 Core, 10.6.2 (.eh_frame_hdr).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "symbolizer/base/address.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"

namespace pprofd::symbolizer::cfi {

struct CfiSection {
  bool debug = false;      // .debug_frame
  bool open_ended = false; // found without a section table: its end is a terminator's
  uint64_t offset = 0;     // in the file, unless inflated
  uint64_t size = 0;
  ElfAddress address{};
  std::vector<std::byte> inflated; // the section's bytes where the file has them compressed
};

// .eh_frame_hdr: where it says .eh_frame is, and its table of (address, FDE), if it has the one
// form that linkers write. Not to be trusted.
struct EhFrameHeader {
  ElfAddress address{};
  ElfAddress eh_frame{};
  uint64_t table_offset = 0; // in the file
  uint64_t entries = 0;      // of two 32-bit numbers relative to `address`
};

struct CfiSections {
  std::vector<CfiSection> sections; // .eh_frame before .debug_frame
  std::optional<EhFrameHeader> header;
  // It needs libraries beside the dynamic loader. Not so: it is static, or a libc.
  bool has_dependencies = false;
  std::vector<std::string> notes;
};

CfiSections find_cfi_sections(const ByteSource& source, const ElfImage& image);

} // namespace pprofd::symbolizer::cfi
