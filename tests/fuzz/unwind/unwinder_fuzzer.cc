// The unwinder on hostile rules, registers and stacks: it must end, within its bounds, and read
// only through its host.
//
// The input: a byte, the number of rules (up to 64); the rules, 25 bytes each: what the look-up
// says, then struct unwind_rule; pc and the registers, 8 bytes each; the rest is the stack. A
// register whose highest byte is odd points into the stack, by its low 16 bits.
#include <linux/types.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "daemon/unwind/replay.h"

namespace {

using namespace pprofd;

constexpr uint64_t kStack = 0x7ffc'0000'0000;

class Input {
public:
  explicit Input(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <typename T> T take() {
    T value{};
    const size_t size = std::min(sizeof value, bytes_.size());
    std::memcpy(&value, bytes_.data(), size);
    bytes_ = bytes_.subspan(size);
    return value;
  }
  std::span<const std::byte> rest() const { return bytes_; }

private:
  std::span<const std::byte> bytes_;
};

class HostileRules : public UnwindRules {
public:
  explicit HostileRules(Input& input) {
    const size_t count = 1 + input.take<uint8_t>() % 64;
    for (size_t i = 0; i < count; ++i) {
      const uint8_t lookup = input.take<uint8_t>();
      rules_.push_back({.lookup = static_cast<unwind_lookup>(lookup % 8 > 4 ? 0 : lookup % 8),
                        .rule = input.take<unwind_rule>()});
    }
  }

  unwind_lookup find(uint64_t pc, unwind_found& found) override {
    ++asked;
    const Entry& entry = rules_[pc % rules_.size()];
    if (entry.lookup == UNWIND_FOUND)
      unwind_apply(&found, &entry.rule, pc % 7);
    return entry.lookup;
  }

  size_t asked = 0;

private:
  struct Entry {
    unwind_lookup lookup;
    unwind_rule rule;
  };
  std::vector<Entry> rules_;
};

class CountedStack : public StackCopy {
public:
  using StackCopy::StackCopy;
  bool read(uint64_t address, std::span<std::byte> to) override {
    ++reads;
    return StackCopy::read(address, to);
  }
  size_t reads = 0;
};

uint64_t take_register(Input& input) {
  const auto value = input.take<uint64_t>();
  return (value >> 56 & 1) != 0 ? kStack + (value & 0xffff) : value;
}

void require(bool holds) {
  if (!holds)
    std::abort();
}

void check(const ReplayedStack& stack, const HostileRules& rules, const CountedStack& memory) {
  constexpr size_t kReadsOfAStep = 5 * 4; // words of a step, tries of a read
  require(stack.frames.size() <= PPROFD_MAX_USER_FRAMES);
  require(stack.end < PPROFD_STACK_END_COUNT);
  require(rules.asked <= PPROFD_MAX_USER_FRAMES);
  require(memory.reads <= (PPROFD_MAX_USER_FRAMES + 1) * kReadsOfAStep);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input input(std::as_bytes(std::span(data, size)));
  HostileRules rules(input);
  LeafRegisters leaf;
  leaf.pc = input.take<uint64_t>();
  for (uint64_t& each : leaf.numbered)
    each = take_register(input);
  CountedStack memory(kStack, input.rest());
  const ReplayedStack whole = replay_stack(rules, memory, leaf);
  check(whole, rules, memory);
  require(!whole.frames.empty());
  // A state that another host is said to have left.
  unwind_state state{};
  const std::span<const std::byte> rest = input.rest();
  std::memcpy(&state, rest.data(), std::min(rest.size(), sizeof state));
  state.frame_count = 0;
  rules.asked = memory.reads = 0;
  const ReplayedStack resumed =
      resume_stack(rules, memory, state, std::span(whole.frames).first(1));
  check(resumed, rules, memory);
  return 0;
}
