#include "daemon/unwind/replay.h"

#include <algorithm>

#include "bpf/unwinder.h"

namespace {

// The unwinder's host: the state comes first, so that it leads here.
struct Walk {
  unwind_state state;
  pprofd::UnwindRules* rules;
  pprofd::TargetMemory* memory;
  std::array<__u64, PPROFD_MAX_USER_FRAMES> frames;
};

Walk& walk_of(unwind_state* state) {
  return *reinterpret_cast<Walk*>(state);
}

} // namespace

long unwind_read(unwind_state* state, void* to, __u32 size, __u64 address) {
  return walk_of(state).memory->read(address, {static_cast<std::byte*>(to), size}) ? 0 : -1;
}

unwind_lookup unwind_find(unwind_state* state, __u64 pc, unwind_found* found) {
  return walk_of(state).rules->find(pc, *found);
}

__u64* unwind_slot(unwind_state* state, __u32 index) {
  auto& frames = walk_of(state).frames;
  return index < frames.size() ? &frames.at(index) : nullptr;
}

namespace pprofd {
namespace {

ReplayedStack finish(Walk& walk) {
  while (unwind_step(&walk.state) == 0) {
  }
  const auto words = std::span(walk.frames).first(walk.state.frame_count);
  return {.frames = {words.begin(), words.end()},
          .end = static_cast<pprofd_stack_end>(walk.state.end)};
}

} // namespace

bool StackCopy::read(uint64_t address, std::span<std::byte> to) {
  const uint64_t offset = address - start_;
  if (address < start_ || offset > bytes_.size() || to.size() > bytes_.size() - offset)
    return beyond_ != nullptr && beyond_->read(address, to);
  std::ranges::copy(bytes_.subspan(offset, to.size()), to.begin());
  return true;
}

ReplayedStack replay_stack(UnwindRules& rules, TargetMemory& memory, const LeafRegisters& leaf) {
  Walk walk{.state = {}, .rules = &rules, .memory = &memory, .frames = {}};
  walk.state.ip = leaf.pc;
  walk.state.sp = leaf.numbered[UNWIND_SP];
  walk.state.fp = leaf.numbered[UNWIND_FP];
  std::ranges::copy(leaf.numbered, std::begin(walk.state.registers));
  unwind_begin(&walk.state);
  return finish(walk);
}

ReplayedStack resume_stack(UnwindRules& rules, TargetMemory& memory, const unwind_state& state,
                           std::span<const uint64_t> frames) {
  Walk walk{.state = state, .rules = &rules, .memory = &memory, .frames = {}};
  const size_t count = std::min(frames.size(), walk.frames.size());
  std::ranges::copy(frames.first(count), walk.frames.begin());
  walk.state.frame_count = static_cast<__u32>(count);
  return finish(walk);
}

} // namespace pprofd
