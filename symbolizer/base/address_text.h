// Addresses as people write them.
#pragma once

#include <string_view>

#include "symbolizer/base/address.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// Hexadecimal, with or without 0x. Fails with what is wrong and what to do about it.
Result<ElfAddress> parse_address(std::string_view text);

} // namespace pprofd
