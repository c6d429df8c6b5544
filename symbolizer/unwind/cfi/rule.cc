#include "symbolizer/unwind/cfi/rule.h"

namespace pprofd::symbolizer::cfi {
namespace {

// The kernel's rt_sigframe as seen from the trampoline: sp, fp and pc are read from it. libc's
// trampoline says so by expressions.
constexpr int64_t kSigframeSp = 160;
constexpr int64_t kSigframeFp = 120;
constexpr int64_t kSigframePc = 168;

bool is_saved_at(const RegisterRule& rule, uint8_t base, int64_t offset) {
  return rule.kind == RegisterRule::Kind::kAtRegister && rule.base == base && rule.value == offset;
}

bool is_rt_sigframe(const FrameState& state, const Architecture& architecture) {
  const CfaRule& cfa = state.cfa;
  return architecture.machine == EM_X86_64 && cfa.kind == CfaRule::Kind::kDeref &&
         cfa.base == architecture.sp && cfa.inner == kSigframeSp && cfa.addend == 0 &&
         is_saved_at(state.fp, architecture.sp, kSigframeFp) &&
         is_saved_at(state.return_address, architecture.sp, kSigframePc);
}

// Fills the CFA's part; false where no rule has it.
bool set_cfa(const CfaRule& cfa, const Architecture& architecture, unwind_rule& rule) {
  const bool from_sp = cfa.base == architecture.sp;
  switch (cfa.kind) {
  case CfaRule::Kind::kRegister:
    return set_cfa_register(cfa, architecture, rule);
  case CfaRule::Kind::kPlt:
    if (!from_sp || cfa.pc_register != architecture.pc || !fits<int32_t>(cfa.inner) ||
        !fits<int16_t>(cfa.addend))
      return false;
    rule.cfa = UNWIND_CFA_PLT;
    rule.cfa_offset = static_cast<int32_t>(cfa.inner);
    rule.deref_offset = static_cast<int16_t>(cfa.addend);
    return true;
  case CfaRule::Kind::kDeref:
    if ((!from_sp && cfa.base != architecture.fp) || !fits<int16_t>(cfa.inner) ||
        !fits<int32_t>(cfa.addend))
      return false;
    rule.cfa = from_sp ? UNWIND_CFA_DEREF_SP : UNWIND_CFA_DEREF_FP;
    rule.cfa_offset = static_cast<int32_t>(cfa.addend);
    rule.deref_offset = static_cast<int16_t>(cfa.inner);
    return true;
  default:
    return false;
  }
}

bool set_fp(const RegisterRule& fp, const Architecture& architecture, unwind_rule& rule) {
  using Kind = RegisterRule::Kind;
  switch (fp.kind) {
  case Kind::kNone:
  case Kind::kUndefined:
  case Kind::kSameValue:
    rule.fp = UNWIND_FP_UNCHANGED;
    return true;
  case Kind::kOffset:
  case Kind::kRegister:
    if (!fits<int32_t>(fp.value))
      return false;
    rule.fp = fp.kind == Kind::kOffset ? UNWIND_FP_AT_CFA : UNWIND_FP_REGISTER;
    rule.fp_offset = static_cast<int32_t>(fp.value);
    return true;
  case Kind::kAtRegister:
    if (fp.base != architecture.fp || !fits<int32_t>(fp.value))
      return false;
    rule.fp = UNWIND_FP_AT_FP;
    rule.fp_offset = static_cast<int32_t>(fp.value);
    return true;
  default:
    return false;
  }
}

bool set_return_address(const RegisterRule& from, const Cie& cie, const Architecture& architecture,
                        unwind_rule& rule) {
  using Kind = RegisterRule::Kind;
  switch (from.kind) {
  case Kind::kUndefined:
    rule.ra = UNWIND_RA_UNDEFINED;
    return true;
  case Kind::kNone:
  case Kind::kSameValue:
    if (!architecture.return_address_in_register) {
      rule.ra = UNWIND_RA_UNDEFINED;
      return from.kind == Kind::kNone;
    }
    if (cie.return_address > UINT8_MAX)
      return false;
    rule.ra = UNWIND_RA_REGISTER;
    rule.ra_offset = static_cast<int32_t>(cie.return_address);
    return true;
  case Kind::kOffset:
  case Kind::kRegister:
    if (!fits<int32_t>(from.value))
      return false;
    rule.ra = from.kind == Kind::kOffset ? UNWIND_RA_AT_CFA : UNWIND_RA_REGISTER;
    rule.ra_offset = static_cast<int32_t>(from.value);
    return true;
  default:
    return false;
  }
}

// The caller's stack pointer is the CFA unless a rule says otherwise.
bool set_sp(const RegisterRule& sp, unwind_rule& rule) {
  using Kind = RegisterRule::Kind;
  switch (sp.kind) {
  case Kind::kNone:
    return true;
  case Kind::kValueOffset:
    return sp.value == 0;
  case Kind::kRegister: {
    const bool free =
        rule.cfa == UNWIND_CFA_SP || rule.cfa == UNWIND_CFA_FP || rule.cfa == UNWIND_CFA_REGISTER;
    if (!free || !fits<int16_t>(sp.value))
      return false;
    rule.flags |= UNWIND_RULE_SP_REGISTER;
    rule.deref_offset = static_cast<int16_t>(sp.value);
    return true;
  }
  default:
    return false;
  }
}

} // namespace

uint8_t make_rule(const FrameState& state, const Cie& cie, const Architecture& architecture,
                  unwind_rule& rule) {
  rule = {};
  uint8_t unsupported = kNothingUnsupported;
  if (cie.signal_frame)
    rule.flags |= UNWIND_RULE_SIGNAL_FRAME;
  if (cie.signal_frame && is_rt_sigframe(state, architecture)) {
    rule.cfa = UNWIND_CFA_SIGNAL;
    return unsupported;
  }
  if (state.signed_return_address)
    rule.flags |= UNWIND_RULE_PAC;
  if (!set_cfa(state.cfa, architecture, rule))
    unsupported |= kUnsupportedCfa;
  else if (!set_sp(state.sp, rule))
    unsupported |= kUnsupportedSp;
  if (unsupported != kNothingUnsupported) {
    rule.cfa = UNWIND_CFA_UNSUPPORTED;
    rule.cfa_offset = 0;
    rule.deref_offset = 0;
    rule.cfa_register = 0;
  }
  if (!set_fp(state.fp, architecture, rule)) {
    rule.fp = UNWIND_FP_UNSUPPORTED;
    unsupported |= kUnsupportedFp;
  }
  if (!set_return_address(state.return_address, cie, architecture, rule)) {
    rule.ra = UNWIND_RA_UNSUPPORTED;
    unsupported |= kUnsupportedReturnAddress;
  }
  return unsupported;
}

} // namespace pprofd::symbolizer::cfi
