#include "symbolizer/unwind/cfi/expression.h"

#include <optional>

#include "symbolizer/elf/cursor.h"

namespace pprofd::symbolizer::cfi {
namespace {

enum Operation : uint8_t {
  kDerefOp = 0x06,
  kConst1u = 0x08,
  kConst1s = 0x09,
  kConst2u = 0x0a,
  kConst2s = 0x0b,
  kConst4u = 0x0c,
  kConst4s = 0x0d,
  kConst8s = 0x0f,
  kConstu = 0x10,
  kConsts = 0x11,
  kAnd = 0x1a,
  kMinus = 0x1c,
  kPlus = 0x22,
  kPlusUconst = 0x23,
  kShl = 0x24,
  kGe = 0x2a,
  kLit0 = 0x30,
  kLit31 = 0x4f,
  kBreg0 = 0x70,
  kBreg31 = 0x8f,
  kBregx = 0x92,
};

struct RegisterOffset {
  uint8_t reg;
  int64_t offset;
};

std::optional<RegisterOffset> read_register(Cursor& cursor) {
  const uint8_t operation = cursor.u8();
  uint64_t reg = 0;
  if (operation >= kBreg0 && operation <= kBreg31)
    reg = operation - kBreg0;
  else if (operation == kBregx)
    reg = cursor.uleb();
  else
    return std::nullopt;
  const int64_t offset = cursor.sleb();
  if (cursor.failed() || reg > UINT8_MAX)
    return std::nullopt;
  return RegisterOffset{static_cast<uint8_t>(reg), offset};
}

std::optional<int64_t> read_constant(Cursor& cursor) {
  const uint8_t operation = cursor.u8();
  if (operation >= kLit0 && operation <= kLit31)
    return operation - kLit0;
  switch (operation) {
  case kConst1u:
    return cursor.read<uint8_t>();
  case kConst1s:
    return cursor.read<int8_t>();
  case kConst2u:
    return cursor.read<uint16_t>();
  case kConst2s:
    return cursor.read<int16_t>();
  case kConst4u:
    return cursor.read<uint32_t>();
  case kConst4s:
    return cursor.read<int32_t>();
  case kConst8s:
    return cursor.read<int64_t>();
  case kConstu:
    return static_cast<int64_t>(cursor.uleb());
  case kConsts:
    return cursor.sleb();
  default:
    return std::nullopt;
  }
}

// What is added to the value on the stack, to the expression's end; 0 where nothing is left.
std::optional<int64_t> read_addend(Cursor& cursor) {
  if (cursor.at_end())
    return 0;
  Cursor ahead = cursor;
  if (ahead.u8() == kPlusUconst) {
    const auto addend = static_cast<int64_t>(ahead.uleb());
    return ahead.at_end() && !ahead.failed() ? std::optional(addend) : std::nullopt;
  }
  const auto constant = read_constant(cursor);
  const uint8_t operation = cursor.u8();
  if (!constant || cursor.failed() || !cursor.at_end())
    return std::nullopt;
  if (operation == kPlus)
    return constant;
  if (operation == kMinus && *constant != INT64_MIN)
    return -*constant;
  return std::nullopt;
}

// Behind "sp + offset": breg(pc) 0; lit15; and; lit N; ge; lit3; shl; plus
Expression match_plt(RegisterOffset base, Cursor cursor) {
  const auto pc = read_register(cursor);
  if (!pc || pc->offset != 0 || read_constant(cursor) != 15 || cursor.u8() != kAnd)
    return {};
  const auto threshold = read_constant(cursor);
  if (!threshold || cursor.u8() != kGe || read_constant(cursor) != 3 || cursor.u8() != kShl ||
      cursor.u8() != kPlus || cursor.failed() || !cursor.at_end())
    return {};
  return {.shape = ExpressionShape::kPlt,
          .reg = base.reg,
          .pc_register = pc->reg,
          .offset = base.offset,
          .addend = *threshold};
}

} // namespace

Expression match_expression(std::span<const std::byte> block) {
  Cursor cursor(block);
  const auto base = read_register(cursor);
  if (!base)
    return {};
  if (cursor.at_end())
    return {.shape = ExpressionShape::kRegister, .reg = base->reg, .offset = base->offset};
  if (const Expression plt = match_plt(*base, cursor); plt.shape == ExpressionShape::kPlt)
    return plt;
  if (cursor.u8() != kDerefOp)
    return {};
  const auto addend = read_addend(cursor);
  if (!addend)
    return {};
  return {.shape = ExpressionShape::kDeref,
          .reg = base->reg,
          .offset = base->offset,
          .addend = *addend};
}

} // namespace pprofd::symbolizer::cfi
