#include "symbolizer/index/sum.h"

#include <libdeflate.h>

namespace pprofd::symbolizer {

uint32_t index_sum(std::span<const std::byte> bytes, uint32_t before) {
  // libdeflate takes a null pointer for the wish to begin anew.
  if (bytes.empty())
    return before;
  return ::libdeflate_crc32(before, bytes.data(), bytes.size());
}

uint32_t header_sum(IndexHeader header, std::span<const std::byte> sums) {
  header.sum = 0;
  return index_sum(sums, index_sum(std::as_bytes(std::span(&header, 1))));
}

} // namespace pprofd::symbolizer
