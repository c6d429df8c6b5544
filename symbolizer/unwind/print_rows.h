// Rows as text, one a line: `address cfa rbp ra`, in the words of readelf's frames-interp.
//
// The address has 16 hexadecimal digits. cfa: `rsp+16`, `exp` for an expression; rbp (arm64: x29):
// `c-16`, `u` (unchanged or undefined), a register's name, `exp`; ra the same, where `u` is the
// outermost frame. `none` alone where a gap begins. Merged pairs are written as the two rows they
// are; a signal trampoline is `exp` throughout.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "symbolizer/unwind/row.h"

namespace pprofd::symbolizer {

// Appends the rows to `text`; `machine` is EM_X86_64 or EM_AARCH64.
void print_rows(std::span<const Row> rows, uint16_t machine, std::string& text);

} // namespace pprofd::symbolizer
