// What goes when memory comes over its limit, in this order; each step is taken when the one before
// it has not been enough a second later, and taken back when there is room again. Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace pprofd {

enum class MemoryStep : uint8_t {
  kNone,
  kCaches, // names and files, which are looked up again where a window needs them; and again after
           // each window
  kRows,   // the kernel's tables of unwind rows are halved, the longest unused go first
  kNewTraces // samples with new traces are dropped (table_full)
};

constexpr std::string_view memory_step_name(MemoryStep step) {
  switch (step) {
  case MemoryStep::kNone:
    return "none";
  case MemoryStep::kCaches:
    return "names and files that were kept are dropped";
  case MemoryStep::kRows:
    return "unwind rows that are not in use are dropped";
  case MemoryStep::kNewTraces:
    break;
  }
  return "samples with new traces are dropped";
}

class MemoryGuard {
public:
  explicit MemoryGuard(uint64_t limit) : limit_(limit) {}

  // Once a second. Returns the step that holds from now on.
  MemoryStep check(uint64_t used) {
    const auto step = static_cast<uint8_t>(step_);
    if (used > limit_ && step_ != MemoryStep::kNewTraces)
      step_ = static_cast<MemoryStep>(step + 1);
    else if (used < limit_ / 4 * 3 && step_ != MemoryStep::kNone)
      step_ = static_cast<MemoryStep>(step - 1);
    return step_;
  }
  void set_limit(uint64_t limit) { limit_ = limit; }

private:
  uint64_t limit_;
  MemoryStep step_ = MemoryStep::kNone;
};

} // namespace pprofd
