#include "daemon/unwind/suspended.h"

#include <cstring>

namespace pprofd {

std::optional<SuspendedStack> SuspendedStack::parse(std::span<const std::byte> record,
                                                    std::span<const uint64_t> frames) {
  unwind_suspended head{};
  if (record.size() < sizeof(head) + UNWIND_STATE_SAVED)
    return std::nullopt;
  std::memcpy(&head, record.data(), sizeof(head));
  const auto stack = record.subspan(sizeof(head) + UNWIND_STATE_SAVED);
  if (head.state_size != UNWIND_STATE_SAVED || head.stack_size > stack.size())
    return std::nullopt;
  SuspendedStack suspended;
  std::memcpy(&suspended.state_, record.data() + sizeof(head), UNWIND_STATE_SAVED);
  suspended.state_.block_words = 0;
  suspended.stack_start_ = head.stack_start;
  suspended.stack_.assign(stack.begin(), stack.begin() + head.stack_size);
  suspended.frames_.assign(frames.begin(), frames.end());
  return suspended;
}

void SuspendedStack::resume(UnwindRules& rules) {
  StackCopy memory(stack_start_, stack_);
  const auto known = std::span(frames_).first(std::min<size_t>(state_.frame_count, frames_.size()));
  ReplayedStack walked = resume_stack(rules, memory, state_, known);
  end_ = walked.end;
  // All that was copied is used up: the stack goes on where the copy does not.
  if (end_ == PPROFD_STACK_READ_FAILED && stack_.size() > UNWIND_SUSPENDED_STACK - UNWIND_PAGE)
    end_ = PPROFD_STACK_COPY_LIMIT;
  frames_ = std::move(walked.frames);
}

} // namespace pprofd
