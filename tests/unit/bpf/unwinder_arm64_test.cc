// The unwinder's own source with arm64's registers and signal frames, on stacks made here.
#include <gtest/gtest.h>

#include <cstddef>

#include "tests/unit/bpf/made_stack.h"

namespace pprofd {
namespace {

using test::MadeMemory;
using test::MadeRule;
using test::MadeRules;

constexpr uint64_t kStack = 0xffff'e000'0000;
constexpr uint64_t kLeaf = 0x40'1000;
constexpr uint64_t kCaller = 0x40'2000; // a return address
constexpr uint64_t kRoot = 0x40'3000;   // another; what is there is the outermost frame
constexpr uint64_t kTrampoline = 0x40'4000;
constexpr uint64_t kInterrupted = 0x40'5000;

constexpr uint32_t kFp = 29;
constexpr uint32_t kLr = 30;
constexpr uint32_t kSp = 31;

// arch/arm64/include/uapi/asm/{ucontext,sigcontext}.h and arch/arm64/kernel/signal.c
struct SignalContext {
  uint64_t fault_address;
  uint64_t registers[31];
  uint64_t sp;
  uint64_t pc;
  uint64_t pstate;
};
struct UserContext {
  uint64_t flags;
  uint64_t link;
  uint64_t stack[3];
  uint64_t mask;
  uint8_t unused[1024 / 8 - sizeof(uint64_t)];
  alignas(16) SignalContext machine;
};
struct SignalFrame {
  uint8_t info[128];
  UserContext context;
};

class UnwinderArm : public testing::Test {
protected:
  UnwinderArm() {
    rules.rule(kLeaf, {.cfa = UNWIND_CFA_SP, .ra = UNWIND_RA_REGISTER, .ra_offset = kLr});
    // stp x29, x30, [sp, #-32]!
    rules.rule(kCaller - 1, {.cfa = UNWIND_CFA_SP,
                             .fp = UNWIND_FP_AT_CFA,
                             .cfa_offset = 32,
                             .fp_offset = -32,
                             .ra_offset = -24});
    rules.rule(kRoot - 1, {.cfa = UNWIND_CFA_SP, .ra = UNWIND_RA_UNDEFINED});
    rules.rule(kTrampoline - 1, {.cfa = UNWIND_CFA_SIGNAL, .flags = UNWIND_RULE_SIGNAL_FRAME});
    rules.rule(kInterrupted, {.cfa = UNWIND_CFA_SP, .ra = UNWIND_RA_REGISTER, .ra_offset = kLr});
    leaf.pc = kLeaf;
    leaf.numbered[kSp] = kStack;
    leaf.numbered[kLr] = kCaller;
    memory.words[kStack] = kStack + 4096;
    memory.words[kStack + 8] = kRoot;
  }

  void expect_whole() {
    const ReplayedStack stack = replay_stack(rules, memory, leaf);
    EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE);
    EXPECT_EQ(stack.frames, (std::vector<uint64_t>{kLeaf, kCaller - 1, kRoot - 1}));
  }

  MadeMemory memory;
  MadeRules rules;
  LeafRegisters leaf;
};

TEST_F(UnwinderArm, TheLeafsReturnAddressIsInTheLinkRegister) {
  expect_whole();
}

TEST_F(UnwinderArm, TheLinkRegisterIsUnknownAboveTheLeaf) {
  rules.rule(kCaller - 1, {.cfa = UNWIND_CFA_SP, .ra = UNWIND_RA_REGISTER, .ra_offset = kLr});
  EXPECT_EQ(replay_stack(rules, memory, leaf).end, PPROFD_STACK_UNKNOWN_REGISTER);
}

TEST_F(UnwinderArm, ASignedReturnAddressLosesItsSignature) {
  constexpr uint64_t kSignature = 0x00ab'0000'0000'0000;
  leaf.numbered[kLr] = kCaller | kSignature;
  memory.words[kStack + 8] = kRoot | kSignature | 0xff00'0000'0000'0000;
  expect_whole();
}

TEST_F(UnwinderArm, FrameRecordsLeadToTheRoot) {
  rules.nothing(kLeaf, UNWIND_NO_UNWIND_INFO);
  rules.nothing(kCaller - 1, UNWIND_NO_UNWIND_INFO);
  leaf.numbered[kFp] = kStack;
  memory.words = {{kStack, kStack + 64}, {kStack + 8, kCaller}, {kStack + 64, 0}, {kStack + 72, 0}};
  const ReplayedStack stack = replay_stack(rules, memory, leaf);
  constexpr uint64_t kGuess = uint64_t{PPROFD_FRAME_NATIVE_HEURISTIC} << PPROFD_FRAME_KIND_SHIFT;
  EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE);
  EXPECT_EQ(stack.frames, (std::vector<uint64_t>{kLeaf, (kCaller - 1) | kGuess}));
}

TEST_F(UnwinderArm, CrossesASignalFrameIntoALeafFunction) {
  const uint64_t below = kStack - 0x10000;
  leaf.numbered[kLr] = kTrampoline;
  memory.words.clear();
  memory.fill(kStack, kStack + sizeof(SignalFrame));
  const uint64_t context = kStack + offsetof(SignalFrame, context) + offsetof(UserContext, machine);
  const uint64_t registers = context + offsetof(SignalContext, registers);
  memory.words[registers + uint64_t{kFp} * 8] = below;
  memory.words[registers + uint64_t{kLr} * 8] = kCaller;
  memory.words[context + offsetof(SignalContext, sp)] = below;
  memory.words[context + offsetof(SignalContext, pc)] = kInterrupted;
  memory.words[below] = 0;
  memory.words[below + 8] = kRoot;
  const ReplayedStack stack = replay_stack(rules, memory, leaf);
  EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE);
  EXPECT_EQ(stack.frames,
            (std::vector<uint64_t>{kLeaf, kTrampoline - 1, kInterrupted, kCaller - 1, kRoot - 1}));
}

} // namespace
} // namespace pprofd
