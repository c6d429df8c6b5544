// Compressed sections: zlib and zstd behind a header of the ELF (SHF_COMPRESSED), and the older
// .zdebug_* sections with zlib behind "ZLIB" and a big-endian size. A header may state any size:
// whoever inflates decides first what it may cost. Any thread.
// Source: gabi, chapter 4, "Section Compression".
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "symbolizer/base/result.h"
#include "symbolizer/elf/byte_source.h"

namespace pprofd::symbolizer {

enum class Packing { kZlib, kZstd };

// A compressed section taken apart. Does not own the bytes.
struct PackedSection {
  Packing packing = Packing::kZlib;
  uint64_t size = 0; // inflated, as stated
  std::span<const std::byte> data;
};

// Error::what stays empty in all of these.
Result<PackedSection> read_packed(std::span<const std::byte> section);
Result<PackedSection> read_zdebug(std::span<const std::byte> section);

// Fills `out`, which has the stated size; fails where the data are damaged or come to another size.
Result<void> inflate(const PackedSection& packed, std::span<std::byte> out);

// The inflated bytes of the section of `size` bytes at `offset`, at most `limit`.
Result<std::vector<std::byte>> inflate_section(const ByteSource& source, uint64_t offset,
                                               uint64_t size, uint64_t limit);

} // namespace pprofd::symbolizer
