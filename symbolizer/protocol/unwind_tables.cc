#include "symbolizer/protocol/unwind_tables.h"

#include <cstdint>

namespace pprofd::symbolizer {
namespace {

constexpr int32_t kMaxOffset = 1 << 30;
constexpr int32_t kRegisters = 256;
constexpr uint8_t kMaxMergeDistance = 4;
constexpr uint8_t kFlags = UNWIND_RULE_SIGNAL_FRAME | UNWIND_RULE_PAC | UNWIND_RULE_SP_REGISTER;

bool is_offset(int32_t value) {
  return value >= -kMaxOffset && value <= kMaxOffset;
}

bool is_register(int32_t value) {
  return value >= 0 && value < kRegisters;
}

bool has_flag(const unwind_rule& rule, uint8_t flag) {
  return (rule.flags & flag) != 0;
}

bool is_good_cfa(const unwind_rule& rule) {
  if (!is_offset(rule.cfa_offset) || (rule.cfa_register != 0 && rule.cfa != UNWIND_CFA_REGISTER))
    return false;
  switch (rule.cfa) {
  case UNWIND_CFA_SP:
  case UNWIND_CFA_FP:
  case UNWIND_CFA_REGISTER:
    return has_flag(rule, UNWIND_RULE_SP_REGISTER) ? is_register(rule.deref_offset)
                                                   : rule.deref_offset == 0;
  case UNWIND_CFA_DEREF_SP:
  case UNWIND_CFA_DEREF_FP:
  case UNWIND_CFA_PLT:
    return !has_flag(rule, UNWIND_RULE_SP_REGISTER);
  case UNWIND_CFA_NONE:
  case UNWIND_CFA_SIGNAL:
  case UNWIND_CFA_UNSUPPORTED:
    return rule.cfa_offset == 0 && rule.deref_offset == 0 &&
           !has_flag(rule, UNWIND_RULE_SP_REGISTER);
  default:
    return false;
  }
}

bool is_good_fp(const unwind_rule& rule) {
  switch (rule.fp) {
  case UNWIND_FP_AT_CFA:
  case UNWIND_FP_AT_FP:
    return is_offset(rule.fp_offset);
  case UNWIND_FP_REGISTER:
    return is_register(rule.fp_offset);
  case UNWIND_FP_UNCHANGED:
  case UNWIND_FP_UNSUPPORTED:
    return rule.fp_offset == 0;
  default:
    return false;
  }
}

bool is_good_return_address(const unwind_rule& rule) {
  switch (rule.ra) {
  case UNWIND_RA_AT_CFA:
    return is_offset(rule.ra_offset);
  case UNWIND_RA_REGISTER:
    return is_register(rule.ra_offset);
  case UNWIND_RA_UNDEFINED:
  case UNWIND_RA_UNSUPPORTED:
    return rule.ra_offset == 0;
  default:
    return false;
  }
}

bool is_good_merge(const unwind_rule& rule) {
  if (rule.merge_at == 0)
    return rule.merge_delta == 0;
  return rule.merge_at <= kMaxMergeDistance && rule.merge_delta != 0 && rule.cfa == UNWIND_CFA_SP;
}

bool reaches_around(uint64_t start, uint64_t size) {
  uint64_t end = 0;
  return __builtin_add_overflow(start, size, &end);
}

} // namespace

bool is_valid(const unwind_rule& rule) {
  static_assert(sizeof rule == 24);
  return is_good_cfa(rule) && is_good_fp(rule) && is_good_return_address(rule) &&
         is_good_merge(rule) && (rule.flags & ~kFlags) == 0 && rule.reserved == 0;
}

bool is_valid(const ElfSegment& segment) {
  return !reaches_around(segment.offset, segment.file_size) &&
         !reaches_around(segment.address.value, segment.memory_size);
}

} // namespace pprofd::symbolizer
