// An ELF file that is read by its bytes in memory, so that it can be asked when its descriptor is
// gone. One thread.
#pragma once

#include <optional>

#include "symbolizer/elf/image.h"
#include "symbolizer/elf/mapped_file.h"

namespace pprofd::symbolizer {

struct MappedElf {
  MappedFile mapping;
  ElfImage image;

  // Nothing where it cannot be mapped or is no ELF file. The descriptor is not kept.
  static std::optional<MappedElf> open(int fd);
};

} // namespace pprofd::symbolizer
