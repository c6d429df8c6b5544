// The unwinder in user space: the kernel's source (bpf/unwinder.h) over memory and rules that the
// caller brings. Walks stacks whose rules the kernel did not have yet, and those of tests.
//
// Any thread; a replay uses only what it is given.
#pragma once

#include <linux/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bpf/abi.h"
#include "bpf/unwind_state.h"
#include "bpf/unwind_tables.h"

namespace pprofd {

// The rules of one process.
class UnwindRules {
public:
  virtual ~UnwindRules() = default;
  // Fills `found` with the rule that holds at pc where the answer is UNWIND_FOUND.
  virtual unwind_lookup find(uint64_t pc, unwind_found& found) = 0;
};

// Memory of the process whose stack is walked.
class TargetMemory {
public:
  virtual ~TargetMemory() = default;
  // Fills all of `to`, or returns false.
  virtual bool read(uint64_t address, std::span<std::byte> to) = 0;
};

// A copy of a part of the stack, and another memory for what lies beyond it, if there is one.
class StackCopy : public TargetMemory {
public:
  StackCopy(uint64_t start, std::span<const std::byte> bytes, TargetMemory* beyond = nullptr)
      : start_(start), bytes_(bytes), beyond_(beyond) {}

  bool read(uint64_t address, std::span<std::byte> to) override;

private:
  uint64_t start_;
  std::span<const std::byte> bytes_;
  TargetMemory* beyond_;
};

// Of the leaf. By DWARF number, sp and fp among them.
struct LeafRegisters {
  uint64_t pc = 0;
  std::array<uint64_t, UNWIND_REGISTERS> numbered{};
};

struct ReplayedStack {
  std::vector<uint64_t> frames; // words as in a sample, leaf first
  pprofd_stack_end end = PPROFD_STACK_COMPLETE;
};

ReplayedStack replay_stack(UnwindRules& rules, TargetMemory& memory, const LeafRegisters& leaf);

// Goes on where another host stopped: `frames` are those it wrote, state.frame_count words of them.
ReplayedStack resume_stack(UnwindRules& rules, TargetMemory& memory, const unwind_state& state,
                           std::span<const uint64_t> frames);

} // namespace pprofd
