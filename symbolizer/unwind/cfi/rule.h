// From a frame's state to the rule that the unwinder applies.
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <limits>

#include "bpf/unwind_rule.h"
#include "symbolizer/unwind/architecture.h"
#include "symbolizer/unwind/cfi/frame_state.h"

namespace pprofd::symbolizer::cfi {

// Parts of a state that no rule can express.
enum Unsupported : uint8_t {
  kNothingUnsupported = 0,
  kUnsupportedCfa = 1 << 0,
  kUnsupportedFp = 1 << 1,
  kUnsupportedReturnAddress = 1 << 2,
  kUnsupportedSp = 1 << 3,
};

// The rule; returns bits of Unsupported.
uint8_t make_rule(const FrameState& state, const Cie& cie, const Architecture& architecture,
                  unwind_rule& rule);

template <typename T> constexpr bool fits(int64_t value) {
  return value >= std::numeric_limits<T>::min() && value <= std::numeric_limits<T>::max();
}

// The part of a rule that most rows change: the CFA from a register, the fields of which must be 0.
// False where no rule has it.
inline bool set_cfa_register(const CfaRule& cfa, const Architecture& architecture,
                             unwind_rule& rule) {
  if (!fits<int32_t>(cfa.offset) || cfa.reg > UINT8_MAX)
    return false;
  rule.cfa_offset = static_cast<int32_t>(cfa.offset);
  if (cfa.reg == architecture.sp) {
    rule.cfa = UNWIND_CFA_SP;
  } else if (cfa.reg == architecture.fp) {
    rule.cfa = UNWIND_CFA_FP;
  } else {
    rule.cfa = UNWIND_CFA_REGISTER;
    rule.cfa_register = static_cast<uint8_t>(cfa.reg);
  }
  return true;
}

} // namespace pprofd::symbolizer::cfi
