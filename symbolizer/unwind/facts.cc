#include "symbolizer/unwind/facts.h"

#include <numeric>

namespace pprofd::symbolizer {

std::string_view name_of(FdeFault fault) {
  static constexpr std::array<std::string_view, kFdeFaults> kNames = {
      "record", "CIE", "pointer", "range", "instruction", "state", "location", "too large"};
  return kNames.at(static_cast<size_t>(fault));
}

std::string_view name_of(GoFunction function) {
  switch (function) {
  case GoFunction::kGoexit:
    return "goexit";
  case GoFunction::kMstart:
    return "mstart";
  case GoFunction::kRt0Go:
    return "rt0_go";
  case GoFunction::kRt0:
    return "rt0";
  case GoFunction::kAsmcgocall:
    return "asmcgocall";
  case GoFunction::kSystemstack:
    return "systemstack";
  case GoFunction::kMcall:
    return "mcall";
  }
  return {};
}

uint64_t UnwindFacts::malformed_total() const {
  return std::accumulate(malformed.begin(), malformed.end(), uint64_t{0});
}

} // namespace pprofd::symbolizer
