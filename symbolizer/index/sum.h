// The sums of an index: against damage, not against forgery. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "symbolizer/index/format.h"

namespace pprofd::symbolizer {

// CRC-32, as zlib's; `before`: of the bytes in front.
uint32_t index_sum(std::span<const std::byte> bytes, uint32_t before = 0);

// Of the header, whose own is taken as 0, and of the sums behind it.
uint32_t header_sum(IndexHeader header, std::span<const std::byte> sums);

} // namespace pprofd::symbolizer
