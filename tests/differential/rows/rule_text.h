// A frame's rules as text, precise enough that two unwinders that agree on it do the same. Both
// sides of the comparison are brought into this form: ours here, libdw's in libdw_frame.cc.
//
//   cfa  rsp+16   *(rbp-8)+0   plt(rsp+8,11)   signal   other   invalid (libdw's refusal)
//   fp   c-16   u   r9   *(rbp+0)   other     (by name where the register has one)
//   ra   the same; u: outermost frame
#pragma once

#include <linux/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "bpf/unwind_rule.h"
#include "symbolizer/unwind/architecture.h"

namespace pprofd::differential {

struct RuleText {
  std::string cfa;
  std::string fp;
  std::string ra;
  std::string sp; // where the caller's sp is not the CFA; else empty
  bool signal = false;
  bool operator==(const RuleText&) const = default;
};

std::string register_text(uint64_t number, const symbolizer::Architecture& architecture);
std::string signed_text(int64_t value);

// A gap is all empty.
RuleText text_of(const unwind_rule& rule, const symbolizer::Architecture& architecture);

} // namespace pprofd::differential
