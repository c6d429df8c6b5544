#include "symbolizer/unwind/cfi/inflate.h"

#include <elf.h>
#include <zlib.h>
#include <zstd.h>

#include <cstring>
#include <span>

namespace pprofd::symbolizer::cfi {
namespace {

constexpr uint32_t kZstd = 2; // ELFCOMPRESS_ZSTD, newer than glibc 2.36's elf.h

bool inflate_zlib(std::span<const std::byte> from, std::span<std::byte> to) {
  uLongf size = to.size();
  return ::uncompress(reinterpret_cast<Bytef*>(to.data()), &size,
                      reinterpret_cast<const Bytef*>(from.data()), from.size()) == Z_OK &&
         size == to.size();
}

bool inflate_zstd(std::span<const std::byte> from, std::span<std::byte> to) {
  return ::ZSTD_decompress(to.data(), to.size(), from.data(), from.size()) == to.size();
}

} // namespace

Result<std::vector<std::byte>> inflate_section(const ByteSource& source, uint64_t offset,
                                               uint64_t size, uint64_t limit) {
  auto packed = source.read_copy(offset, size, limit);
  if (!packed)
    return packed;
  Elf64_Chdr header;
  if (packed->size() < sizeof header)
    return fail("", "it is too short for a compressed section");
  std::memcpy(&header, packed->data(), sizeof header);
  if (header.ch_size > limit)
    return fail("", "it inflates to " + std::to_string(header.ch_size) + " bytes, more than the " +
                        std::to_string(limit) + " that are read");
  const auto from = std::span<const std::byte>(*packed).subspan(sizeof header);
  std::vector<std::byte> bytes(header.ch_size);
  bool done = false;
  if (header.ch_type == ELFCOMPRESS_ZLIB)
    done = inflate_zlib(from, bytes);
  else if (header.ch_type == kZstd)
    done = inflate_zstd(from, bytes);
  else
    return fail("", "unknown compression " + std::to_string(header.ch_type));
  if (!done)
    return fail("", "its compressed data are damaged");
  return bytes;
}

} // namespace pprofd::symbolizer::cfi
