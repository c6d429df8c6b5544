// Compressed sections (SHF_COMPRESSED): zlib and zstd.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "symbolizer/base/result.h"
#include "symbolizer/elf/byte_source.h"

namespace pprofd::symbolizer::cfi {

// The bytes of the section of `size` bytes at `offset`, at most `limit`. Error::what stays empty.
Result<std::vector<std::byte>> inflate_section(const ByteSource& source, uint64_t offset,
                                               uint64_t size, uint64_t limit);

} // namespace pprofd::symbolizer::cfi
