// What is known of one address. Plain data.
#pragma once

#include <span>

#include "symbolizer/base/address.h"
#include "symbolizer/dwarf/lookup.h"

namespace pprofd::symbolizer {

struct FoundNames {
  ElfAddress start;                     // of the function; 0: unknown
  std::span<const dwarf::Frame> frames; // innermost first, each with a name; empty: none is known
};

} // namespace pprofd::symbolizer
