// DWARF expressions of call frame information, as far as they have a shape that the unwinder
// knows. They are matched, not evaluated.
// Source: DWARF 5, 2.5; the shapes are those that compilers, linkers and hand-written code use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace pprofd::symbolizer::cfi {

enum class ExpressionShape : uint8_t {
  kOther,
  kRegister, // register + offset
  kDeref,    // *(register + offset) + addend
  kPlt,      // register + offset + ((pc & 15) >= addend ? 8 : 0), pc in pc_register
};

struct Expression {
  ExpressionShape shape = ExpressionShape::kOther;
  uint8_t reg = 0;
  uint8_t pc_register = 0; // kPlt alone
  int64_t offset = 0;
  int64_t addend = 0;
};

Expression match_expression(std::span<const std::byte> block);

} // namespace pprofd::symbolizer::cfi
