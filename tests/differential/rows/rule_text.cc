#include "tests/differential/rows/rule_text.h"

namespace pprofd::differential {
namespace {

std::string saved(int32_t offset) {
  return "c" + signed_text(offset);
}

std::string cfa_text(const unwind_rule& rule, const symbolizer::Architecture& architecture) {
  const std::string sp = register_text(architecture.sp, architecture);
  const std::string fp = register_text(architecture.fp, architecture);
  const std::string offset = signed_text(rule.cfa_offset);
  const std::string inner = signed_text(rule.deref_offset);
  switch (rule.cfa) {
  case UNWIND_CFA_SP:
    return sp + offset;
  case UNWIND_CFA_FP:
    return fp + offset;
  case UNWIND_CFA_DEREF_SP:
    return "*(" + sp + inner + ")" + offset;
  case UNWIND_CFA_DEREF_FP:
    return "*(" + fp + inner + ")" + offset;
  case UNWIND_CFA_PLT:
    return "plt(" + sp + offset + "," + std::to_string(rule.deref_offset) + ")";
  case UNWIND_CFA_REGISTER:
    return register_text(rule.cfa_register, architecture) + offset;
  case UNWIND_CFA_SIGNAL:
    return "signal";
  default:
    return "other";
  }
}

std::string fp_text(const unwind_rule& rule, const symbolizer::Architecture& architecture) {
  switch (rule.fp) {
  case UNWIND_FP_UNCHANGED:
    return "u";
  case UNWIND_FP_AT_CFA:
    return saved(rule.fp_offset);
  case UNWIND_FP_AT_FP:
    return "*(" + register_text(architecture.fp, architecture) + signed_text(rule.fp_offset) + ")";
  case UNWIND_FP_REGISTER:
    return register_text(static_cast<uint64_t>(rule.fp_offset), architecture);
  default:
    return "other";
  }
}

std::string ra_text(const unwind_rule& rule, const symbolizer::Architecture& architecture) {
  switch (rule.ra) {
  case UNWIND_RA_UNDEFINED:
    return "u";
  case UNWIND_RA_AT_CFA:
    return saved(rule.ra_offset);
  case UNWIND_RA_REGISTER:
    return register_text(static_cast<uint64_t>(rule.ra_offset), architecture);
  default:
    return "other";
  }
}

} // namespace

std::string register_text(uint64_t number, const symbolizer::Architecture& architecture) {
  if (number < architecture.names.size())
    return std::string(architecture.names[number]);
  return "r" + std::to_string(number);
}

std::string signed_text(int64_t value) {
  return (value >= 0 ? "+" : "") + std::to_string(value);
}

RuleText text_of(const unwind_rule& rule, const symbolizer::Architecture& architecture) {
  if (rule.cfa == UNWIND_CFA_NONE)
    return {};
  RuleText text{.cfa = cfa_text(rule, architecture),
                .fp = {},
                .ra = {},
                .sp = {},
                .signal = (rule.flags & UNWIND_RULE_SIGNAL_FRAME) != 0};
  if (rule.cfa == UNWIND_CFA_SIGNAL)
    return text;
  text.fp = fp_text(rule, architecture);
  text.ra = ra_text(rule, architecture);
  if ((rule.flags & UNWIND_RULE_SP_REGISTER) != 0)
    text.sp = register_text(static_cast<uint64_t>(rule.deref_offset), architecture);
  return text;
}

} // namespace pprofd::differential
