// Reads where a file's debug information is. Any thread.
#pragma once

#include "symbolizer/base/debug_links.h"
#include "symbolizer/elf/byte_source.h"
#include "symbolizer/elf/image.h"

namespace pprofd::symbolizer {

// Needs image.sections(). Names are cut at 4,096 bytes, ids at 64; what is malformed is left out.
DebugLinks read_debug_links(const ByteSource& source, const ElfImage& image);

// Of a whole file, as .gnu_debuglink has it; 0 where it cannot be read.
uint32_t debug_link_crc(const ByteSource& source);

} // namespace pprofd::symbolizer
