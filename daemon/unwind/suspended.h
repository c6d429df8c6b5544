// A walk that the kernel could not go on with, as it came behind a sample (bpf/unwind_state.h).
#pragma once

#include <linux/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "daemon/unwind/replay.h"

namespace pprofd {

class SuspendedStack {
public:
  // `record`: what stands behind the sample's labels; `frames`: the user frames found so far.
  // nullopt where it does not fit its own sizes.
  static std::optional<SuspendedStack> parse(std::span<const std::byte> record,
                                             std::span<const uint64_t> frames);

  // Goes on as far as the rules reach. An end of PPROFD_STACK_PENDING may be tried again.
  void resume(UnwindRules& rules);

  [[nodiscard]] pprofd_stack_end end() const { return end_; }
  [[nodiscard]] std::span<const uint64_t> frames() const { return frames_; }
  [[nodiscard]] size_t memory() const {
    return sizeof(*this) + stack_.capacity() + (frames_.capacity() * sizeof(uint64_t));
  }

private:
  unwind_state state_{};
  uint64_t stack_start_ = 0;
  std::vector<std::byte> stack_;
  std::vector<uint64_t> frames_;
  pprofd_stack_end end_ = PPROFD_STACK_PENDING;
};

} // namespace pprofd
