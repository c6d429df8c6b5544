#include "symbolizer/elf/inflate.h"

#include <elf.h>
#include <libdeflate.h>
#include <zstd.h>

#include <cstring>
#include <memory>
#include <string_view>

namespace pprofd::symbolizer {
namespace {

constexpr uint32_t kZstd = 2; // ELFCOMPRESS_ZSTD, newer than glibc 2.36's elf.h
constexpr std::string_view kZdebugMark = "ZLIB";

// Twice as fast as zlib, which matters for the hundreds of megabytes of a debug file.
bool inflate_zlib(std::span<const std::byte> from, std::span<std::byte> to) {
  const std::unique_ptr<libdeflate_decompressor, decltype(&libdeflate_free_decompressor)> tool(
      ::libdeflate_alloc_decompressor(), &libdeflate_free_decompressor);
  return tool != nullptr &&
         ::libdeflate_zlib_decompress(tool.get(), from.data(), from.size(), to.data(), to.size(),
                                      /*actual_out_nbytes_ret=*/nullptr) == LIBDEFLATE_SUCCESS;
}

bool inflate_zstd(std::span<const std::byte> from, std::span<std::byte> to) {
  return ::ZSTD_decompress(to.data(), to.size(), from.data(), from.size()) == to.size();
}

} // namespace

Result<PackedSection> read_packed(std::span<const std::byte> section) {
  Elf64_Chdr header;
  if (section.size() < sizeof header)
    return fail("", "it is too short for a compressed section");
  std::memcpy(&header, section.data(), sizeof header);
  PackedSection packed{.size = header.ch_size, .data = section.subspan(sizeof header)};
  if (header.ch_type == ELFCOMPRESS_ZLIB)
    packed.packing = Packing::kZlib;
  else if (header.ch_type == kZstd)
    packed.packing = Packing::kZstd;
  else
    return fail("", "unknown compression " + std::to_string(header.ch_type));
  return packed;
}

Result<PackedSection> read_zdebug(std::span<const std::byte> section) {
  uint64_t size = 0;
  if (section.size() < kZdebugMark.size() + sizeof size ||
      std::memcmp(section.data(), kZdebugMark.data(), kZdebugMark.size()) != 0)
    return fail("", "it is not compressed as its name says");
  std::memcpy(&size, section.data() + kZdebugMark.size(), sizeof size);
  return PackedSection{.packing = Packing::kZlib,
                       .size = __builtin_bswap64(size),
                       .data = section.subspan(kZdebugMark.size() + sizeof size)};
}

Result<void> inflate(const PackedSection& packed, std::span<std::byte> out) {
  const bool done = packed.packing == Packing::kZlib ? inflate_zlib(packed.data, out)
                                                     : inflate_zstd(packed.data, out);
  if (!done)
    return fail("", "its compressed data are damaged");
  return {};
}

Result<std::vector<std::byte>> inflate_section(const ByteSource& source, uint64_t offset,
                                               uint64_t size, uint64_t limit) {
  auto bytes = source.read_copy(offset, size, limit);
  if (!bytes)
    return bytes;
  const auto packed = read_packed(*bytes);
  if (!packed)
    return std::unexpected(packed.error());
  if (packed->size > limit)
    return fail("", "it inflates to " + std::to_string(packed->size) + " bytes, more than the " +
                        std::to_string(limit) + " that are read");
  std::vector<std::byte> inflated(packed->size);
  if (auto done = inflate(*packed, inflated); !done)
    return std::unexpected(done.error());
  return inflated;
}

} // namespace pprofd::symbolizer
