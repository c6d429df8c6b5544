// The addresses of an entry: DW_AT_low_pc and DW_AT_high_pc, or a list in .debug_ranges or
// .debug_rnglists.
// Source: DWARF 5, sections 2.17 and 7.25; DWARF 4, section 2.17.3.
#pragma once

#include <cstdint>
#include <functional>

#include "symbolizer/dwarf/units/unit.h"

namespace pprofd::symbolizer::dwarf {

// Called with start and end of each range that is not empty. May return false: no more.
using RangeVisitor = std::function<bool(uint64_t start, uint64_t end)>;

// The ranges of an entry of `unit` with these attributes, as far as they are well-formed. Ranges
// that are marked as taken out by the linker are left out.
void visit_ranges(const Unit& unit, const Attributes& attributes, const RangeVisitor& visitor);

} // namespace pprofd::symbolizer::dwarf
