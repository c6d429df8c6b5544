// The unwinder's own source, compiled for user space, on stacks made here: x86-64.
#include <gtest/gtest.h>

#include <numeric>

#include "tests/unit/bpf/made_stack.h"

namespace pprofd {
namespace {

using test::MadeMemory;
using test::MadeRule;
using test::MadeRules;

constexpr uint64_t kStack = 0x7ffc'0000'0000;
constexpr uint64_t kLeaf = 0x40'1000;
constexpr uint64_t kCaller = 0x40'2000; // a return address
constexpr uint64_t kRoot = 0x40'3000;   // another; what is there is the outermost frame
constexpr uint64_t kBare = 0x50'0000;   // code without rules

constexpr uint32_t kRax = 0;
constexpr uint32_t kRdi = 5;
constexpr uint32_t kR10 = 10;

uint64_t guessed(uint64_t address) {
  return address | uint64_t{PPROFD_FRAME_NATIVE_HEURISTIC} << PPROFD_FRAME_KIND_SHIFT;
}

// A rule as compilers write most: sp + offset, return address below the CFA.
MadeRule sp_rule(int32_t offset) {
  return {.cfa = UNWIND_CFA_SP, .cfa_offset = offset, .ra_offset = -8};
}

class Unwinder : public testing::Test {
protected:
  Unwinder() {
    rules.rule(kLeaf, sp_rule(8));
    rules.rule(kCaller - 1, sp_rule(16));
    rules.rule(kRoot - 1, {.cfa = UNWIND_CFA_SP, .ra = UNWIND_RA_UNDEFINED, .cfa_offset = 8});
    rules.nothing(kBare, UNWIND_NO_UNWIND_INFO);
    rules.nothing(kBare + 0x10000, UNWIND_NO_MAPPING);
    leaf.pc = kLeaf;
    sp() = kStack;
  }

  uint64_t& sp() { return leaf.numbered[UNWIND_SP]; }
  uint64_t& fp() { return leaf.numbered[UNWIND_FP]; }

  ReplayedStack walk() { return replay_stack(rules, memory, leaf); }

  // The stack above the leaf's CFA: the caller, then the root.
  void callers_at(uint64_t cfa) {
    memory.words[cfa - 8] = kCaller;
    memory.words[cfa] = 0;
    memory.words[cfa + 8] = kRoot;
  }

  void expect_whole(const ReplayedStack& stack) {
    EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE);
    EXPECT_EQ(stack.frames, (std::vector<uint64_t>{leaf.pc, kCaller - 1, kRoot - 1}));
  }

  // The walk from the leaf by one rule, with the stack's rest at `cfa`.
  void expect_cfa(const MadeRule& rule, uint64_t cfa) {
    rules.rule(kLeaf, rule);
    callers_at(cfa);
    expect_whole(walk());
  }

  MadeMemory memory;
  MadeRules rules;
  LeafRegisters leaf;
};

TEST_F(Unwinder, CfaFromTheStackPointer) {
  expect_cfa(sp_rule(40), kStack + 40);
}

TEST_F(Unwinder, LooksUpTheLeafItselfAndCallersOneByteBefore) {
  callers_at(kStack + 8);
  walk();
  EXPECT_EQ(rules.asked, (std::vector<uint64_t>{kLeaf, kCaller - 1, kRoot - 1}));
}

TEST_F(Unwinder, CfaFromTheFramePointer) {
  fp() = kStack + 64;
  expect_cfa({.cfa = UNWIND_CFA_FP, .cfa_offset = 16, .ra_offset = -8}, kStack + 80);
}

TEST_F(Unwinder, CfaFromAWordOnTheStack) {
  fp() = kStack + 64;
  memory.words[kStack + 24] = kStack + 200;
  expect_cfa({.cfa = UNWIND_CFA_DEREF_SP, .cfa_offset = 8, .ra_offset = -8, .deref_offset = 24},
             kStack + 208);
  memory.words[kStack + 56] = kStack + 400;
  expect_cfa({.cfa = UNWIND_CFA_DEREF_FP, .ra_offset = -8, .deref_offset = -8}, kStack + 400);
}

TEST_F(Unwinder, CfaOfAPltEntryDependsOnThePlaceInIt) {
  const MadeRule rule{.cfa = UNWIND_CFA_PLT, .cfa_offset = 8, .ra_offset = -8, .deref_offset = 11};
  expect_cfa(rule, kStack + 8);
  leaf.pc = kLeaf + 10;
  expect_cfa(rule, kStack + 8);
  memory.words.clear();
  leaf.pc = kLeaf + 11;
  expect_cfa(rule, kStack + 16);
}

TEST_F(Unwinder, CfaFromAnyRegisterOfTheLeaf) {
  leaf.numbered[kR10] = kStack + 96;
  expect_cfa({.cfa = UNWIND_CFA_REGISTER, .cfa_register = kR10, .cfa_offset = 8, .ra_offset = -8},
             kStack + 104);
}

TEST_F(Unwinder, AnotherRegisterIsUnknownAboveTheLeaf) {
  callers_at(kStack + 8);
  rules.rule(kCaller - 1, {.cfa = UNWIND_CFA_REGISTER, .cfa_register = kR10, .ra_offset = -8});
  EXPECT_EQ(walk().end, PPROFD_STACK_UNKNOWN_REGISTER);
  rules.rule(kCaller - 1, {.cfa = UNWIND_CFA_SP, .ra = UNWIND_RA_REGISTER, .ra_offset = kRdi});
  EXPECT_EQ(walk().end, PPROFD_STACK_UNKNOWN_REGISTER);
  rules.rule(kCaller - 1, {.cfa = UNWIND_CFA_REGISTER, .cfa_register = 200, .ra_offset = -8});
  EXPECT_EQ(walk().end, PPROFD_STACK_UNKNOWN_REGISTER);
}

TEST_F(Unwinder, ReturnAddressInARegisterOfTheLeaf) {
  leaf.numbered[kRdi] = kCaller;
  rules.rule(kLeaf, {.cfa = UNWIND_CFA_SP, .ra = UNWIND_RA_REGISTER, .ra_offset = kRdi});
  memory.words = {{kStack, 0}, {kStack + 8, kRoot}};
  expect_whole(walk());
}

TEST_F(Unwinder, CallersStackPointerInARegisterOfTheLeaf) {
  leaf.numbered[kRax] = kStack + 512;
  leaf.numbered[kRdi] = kCaller;
  const MadeRule rule{.cfa = UNWIND_CFA_SP,
                      .ra = UNWIND_RA_REGISTER,
                      .ra_offset = kRdi,
                      .deref_offset = kRax,
                      .flags = UNWIND_RULE_SP_REGISTER};
  rules.rule(kLeaf, rule);
  memory.words = {{kStack + 512, 0}, {kStack + 520, kRoot}};
  expect_whole(walk());
  callers_at(kStack + 8);
  rules.rule(kLeaf, sp_rule(8));
  MadeRule above = rule;
  above.ra = UNWIND_RA_AT_CFA;
  rules.rule(kCaller - 1, above);
  EXPECT_EQ(walk().end, PPROFD_STACK_UNKNOWN_REGISTER);
}

TEST_F(Unwinder, TakesBackWhatMergedRowsShare) {
  MadeRule rule = sp_rule(8);
  rule.merge_at = 1;
  rule.merge_delta = 8;
  expect_cfa(rule, kStack + 8);
  memory.words.clear();
  leaf.pc = kLeaf + 1;
  expect_cfa(rule, kStack + 16);
}

TEST_F(Unwinder, CallersFramePointer) {
  rules.rule(kCaller - 1, {.cfa = UNWIND_CFA_FP, .cfa_offset = 16, .ra_offset = -8});
  MadeRule rule = sp_rule(24);
  const uint64_t frame = kStack + 800;
  memory.words = {{kStack, frame}, {kStack + 8, frame}, {kStack + 16, kCaller}, {frame + 8, kRoot}};
  const auto expect_found = [&](unwind_fp kind, int32_t offset) {
    rule.fp = kind;
    rule.fp_offset = offset;
    rules.rule(kLeaf, rule);
    expect_whole(walk());
  };
  fp() = frame;
  expect_found(UNWIND_FP_UNCHANGED, 0);
  fp() = 1;
  expect_found(UNWIND_FP_AT_CFA, -24);
  fp() = kStack + 4;
  expect_found(UNWIND_FP_AT_FP, 4);
  fp() = frame; // outside of the leaf's frame: restored already, which the rule has missed
  expect_found(UNWIND_FP_AT_FP, 0);
  fp() = 1;
  leaf.numbered[kR10] = frame;
  expect_found(UNWIND_FP_REGISTER, kR10);
}

TEST_F(Unwinder, ALostFramePointerEndsTheStackOnlyWhereItIsNeeded) {
  MadeRule rule = sp_rule(8);
  rule.fp = UNWIND_FP_UNSUPPORTED;
  expect_cfa(rule, kStack + 8);
  rules.rule(kCaller - 1, {.cfa = UNWIND_CFA_FP, .cfa_offset = 16, .ra_offset = -8});
  fp() = kStack + 64;
  EXPECT_EQ(walk().end, PPROFD_STACK_UNKNOWN_REGISTER);
  rules.rule(kCaller - 1, {.cfa = UNWIND_CFA_DEREF_FP, .ra_offset = -8});
  EXPECT_EQ(walk().end, PPROFD_STACK_UNKNOWN_REGISTER);
  rules.nothing(kCaller - 1, UNWIND_NO_UNWIND_INFO);
  EXPECT_EQ(walk().end, PPROFD_STACK_NO_UNWIND_INFO);
}

TEST_F(Unwinder, AFramePointerLostIsFoundAgainWhereItWasSaved) {
  MadeRule lost = sp_rule(8);
  lost.fp = UNWIND_FP_UNSUPPORTED;
  rules.rule(kLeaf, lost);
  MadeRule saved = sp_rule(24);
  saved.fp = UNWIND_FP_AT_CFA;
  saved.fp_offset = -16;
  rules.rule(kCaller - 1, saved);
  constexpr uint64_t kOther = 0x40'2800;
  rules.rule(kOther - 1, {.cfa = UNWIND_CFA_FP, .cfa_offset = 16, .ra_offset = -8});
  memory.words = {
      {kStack, kCaller}, {kStack + 16, kStack + 64}, {kStack + 24, kOther}, {kStack + 72, kRoot}};
  const ReplayedStack stack = walk();
  EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE);
  EXPECT_EQ(stack.frames, (std::vector<uint64_t>{kLeaf, kCaller - 1, kOther - 1, kRoot - 1}));
}

TEST_F(Unwinder, UnsupportedRulesEndTheStack) {
  rules.rule(kLeaf, {.cfa = UNWIND_CFA_UNSUPPORTED});
  EXPECT_EQ(walk().end, PPROFD_STACK_UNSUPPORTED_RULE);
  rules.rule(kLeaf, {.cfa = UNWIND_CFA_SP, .ra = UNWIND_RA_UNSUPPORTED, .cfa_offset = 8});
  EXPECT_EQ(walk().end, PPROFD_STACK_UNSUPPORTED_RULE);
  rules.rule(kLeaf, {.cfa = static_cast<unwind_cfa>(UNWIND_CFA_UNSUPPORTED + 1)});
  EXPECT_EQ(walk().end, PPROFD_STACK_UNSUPPORTED_RULE);
}

TEST_F(Unwinder, AReturnAddressOfZeroIsTheRoot) {
  memory.words = {{kStack, 0}};
  const ReplayedStack stack = walk();
  EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE);
  EXPECT_EQ(stack.frames, std::vector<uint64_t>{kLeaf});
}

TEST_F(Unwinder, AReturnAddressInTheKernelIsNone) {
  memory.words = {{kStack, 0xffff'ffff'8100'0000}};
  EXPECT_EQ(walk().end, PPROFD_STACK_BAD_RETURN_ADDRESS);
}

TEST_F(Unwinder, SaysWhyThereIsNoRule) {
  for (const auto& [lookup, end] :
       {std::pair(UNWIND_NO_MAPPING, PPROFD_STACK_NO_MAPPING),
        std::pair(UNWIND_PENDING, PPROFD_STACK_PENDING),
        std::pair(UNWIND_NO_ROW, PPROFD_STACK_NO_ROW),
        std::pair(UNWIND_NO_UNWIND_INFO, PPROFD_STACK_NO_UNWIND_INFO)}) {
    rules.nothing(kLeaf, lookup);
    const ReplayedStack stack = walk();
    EXPECT_EQ(stack.end, end);
    EXPECT_EQ(stack.frames, std::vector<uint64_t>{kLeaf});
  }
}

TEST_F(Unwinder, SaysWhereMemoryCouldNotBeRead) {
  EXPECT_EQ(walk().end, PPROFD_STACK_READ_FAILED);
  rules.rule(kLeaf, {.cfa = UNWIND_CFA_DEREF_SP, .ra_offset = -8});
  EXPECT_EQ(walk().end, PPROFD_STACK_READ_FAILED);
  MadeRule rule = sp_rule(8);
  rule.fp = UNWIND_FP_AT_CFA;
  rule.fp_offset = 4096;
  rules.rule(kLeaf, rule);
  callers_at(kStack + 8);
  EXPECT_EQ(walk().end, PPROFD_STACK_READ_FAILED);
}

// --- signals
// ---------------------------------------------------------------------------------------

class UnwinderSignal : public Unwinder {
protected:
  static constexpr uint64_t kTrampoline = 0x40'4000;
  static constexpr uint64_t kInterrupted = 0x40'5000;
  static constexpr uint64_t kFrame = kStack + 0x100; // the ucontext
  static constexpr uint64_t kBelow = kStack - 0x8000;

  // struct sigcontext, behind the ucontext's flags, link and stack; x86's order.
  static constexpr uint64_t kR8 = kFrame + 40;
  static constexpr uint64_t kDi = kR8 + 64;
  static constexpr uint64_t kBp = kDi + 16;
  static constexpr uint64_t kAx = kBp + 24;
  static constexpr uint64_t kSp = kAx + 16;
  static constexpr uint64_t kIp = kSp + 8;

  UnwinderSignal() {
    rules.rule(kTrampoline - 1, {.cfa = UNWIND_CFA_SIGNAL, .flags = UNWIND_RULE_SIGNAL_FRAME});
    rules.rule(kInterrupted, sp_rule(8));
    memory.fill(kFrame, kFrame + 256);
    memory.words[kFrame - 8] = kTrampoline;
    memory.words[kIp] = kInterrupted;
    memory.words[kSp] = kBelow;
    sp() = kFrame - 8;
    callers_at(kBelow + 8);
  }

  void expect_crossed() {
    const ReplayedStack stack = walk();
    EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE);
    EXPECT_EQ(stack.frames, (std::vector<uint64_t>{kLeaf, kTrampoline - 1, kInterrupted,
                                                   kCaller - 1, kRoot - 1}));
  }
};

TEST_F(UnwinderSignal, GoesOnAtTheInterruptedInstructionOnWhicheverStack) {
  expect_crossed();
  EXPECT_EQ(rules.asked[2], kInterrupted);
}

TEST_F(UnwinderSignal, TakesTheFramePointerFromTheSignalFrame) {
  fp() = 3;
  memory.words[kBp] = kBelow - 8;
  rules.rule(kInterrupted, {.cfa = UNWIND_CFA_FP, .cfa_offset = 16, .ra_offset = -8});
  expect_crossed();
}

TEST_F(UnwinderSignal, KnowsAllRegistersOfTheInterruptedCode) {
  const uint64_t places[] = {kAx,      kAx - 8,  kAx + 8,  kAx - 16, kDi + 8,  kDi,
                             kBp,      kSp,      kR8,      kR8 + 8,  kR8 + 16, kR8 + 24,
                             kR8 + 32, kR8 + 40, kR8 + 48, kR8 + 56};
  for (uint8_t reg = 0; reg < 16; ++reg) {
    const uint64_t before = std::exchange(memory.words[places[reg]], kBelow);
    rules.rule(kInterrupted,
               {.cfa = UNWIND_CFA_REGISTER, .cfa_register = reg, .cfa_offset = 8, .ra_offset = -8});
    expect_crossed();
    memory.words[places[reg]] = before;
  }
}

TEST_F(UnwinderSignal, RegistersAreUnknownOneFrameFurther) {
  memory.words[kR8] = kBelow + 16;
  rules.rule(kCaller - 1,
             {.cfa = UNWIND_CFA_REGISTER, .cfa_register = 8, .cfa_offset = 8, .ra_offset = -8});
  EXPECT_EQ(walk().end, PPROFD_STACK_UNKNOWN_REGISTER);
}

TEST_F(UnwinderSignal, AnOrdinaryRuleMayBeASignalFramesToo) {
  rules.rule(
      kTrampoline - 1,
      {.cfa = UNWIND_CFA_SP, .cfa_offset = 16, .ra_offset = -8, .flags = UNWIND_RULE_SIGNAL_FRAME});
  memory.words[kFrame + 8] = kInterrupted;
  memory.words[kFrame + 16] = kRoot;
  const ReplayedStack stack = walk();
  EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE);
  EXPECT_EQ(stack.frames, (std::vector<uint64_t>{kLeaf, kTrampoline - 1, kInterrupted, kRoot - 1}));
}

TEST_F(UnwinderSignal, SaysWhereTheSignalFrameCouldNotBeReadOrHoldsNoUserAddress) {
  memory.words[kIp] = 0xffff'8000'0000'0000;
  EXPECT_EQ(walk().end, PPROFD_STACK_BAD_RETURN_ADDRESS);
  memory.words.erase(kIp);
  EXPECT_EQ(walk().end, PPROFD_STACK_READ_FAILED);
}

TEST_F(UnwinderSignal, ASignalFrameThatLeadsToItselfEnds) {
  memory.words[kIp] = kTrampoline;
  memory.words[kSp] = kFrame;
  const ReplayedStack stack = walk();
  EXPECT_EQ(stack.end, PPROFD_STACK_LOOP);
  EXPECT_LT(stack.frames.size(), 100U);
}

// --- code without rules
// ----------------------------------------------------------------------------

class UnwinderGuess : public Unwinder {
protected:
  UnwinderGuess() { leaf.pc = kBare; }

  void frame(uint64_t at, uint64_t caller_fp, uint64_t return_address) {
    memory.words[at] = caller_fp;
    memory.words[at + 8] = return_address;
  }

  void expect_no_guess() {
    const ReplayedStack stack = walk();
    EXPECT_EQ(stack.end, PPROFD_STACK_NO_UNWIND_INFO);
    EXPECT_EQ(stack.frames, std::vector<uint64_t>{kBare});
  }
};

TEST_F(UnwinderGuess, FollowsFramePointersAndMarksWhatTheyFind) {
  fp() = kStack + 32;
  frame(kStack + 32, kStack + 64, kBare + 0x100);
  frame(kStack + 64, 0, kBare + 0x200);
  const ReplayedStack stack = walk();
  EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE);
  EXPECT_EQ(stack.frames,
            (std::vector<uint64_t>{kBare, guessed(kBare + 0xff), guessed(kBare + 0x1ff)}));
}

TEST_F(UnwinderGuess, AllBehindAGuessIsMarked) {
  fp() = kStack + 32;
  frame(kStack + 32, 0, kCaller);
  memory.words[kStack + 56] = kRoot;
  const ReplayedStack stack = walk();
  EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE);
  EXPECT_EQ(stack.frames, (std::vector<uint64_t>{kBare, guessed(kCaller - 1), guessed(kRoot - 1)}));
}

TEST_F(UnwinderGuess, AZeroIsTheRootOnlyBehindAFrame) {
  fp() = 0;
  expect_no_guess();
  fp() = kStack + 32;
  frame(kStack + 32, kStack + 64, 0);
  expect_no_guess();
  frame(kStack + 32, kStack + 64, kBare + 0x100);
  frame(kStack + 64, kStack + 96, 0);
  EXPECT_EQ(walk().end, PPROFD_STACK_COMPLETE);
}

TEST_F(UnwinderGuess, RefusesWhatCannotBeAFramePointer) {
  memory.fill(kStack - 64, kStack + 64);
  frame(kStack - 8, 0, kBare + 0x100);
  for (const uint64_t wrong :
       {kStack - 8, kStack + 4, uint64_t{0xffff'8880'0000'0000}, kStack + 4096}) {
    fp() = wrong;
    expect_no_guess();
  }
}

TEST_F(UnwinderGuess, AGuessThatLeadsToNoCodeIsTakenBack) {
  fp() = kStack + 32;
  frame(kStack + 32, kStack + 64, 0x1234);
  const ReplayedStack stack = walk();
  EXPECT_EQ(stack.end, PPROFD_STACK_NO_MAPPING);
  EXPECT_EQ(stack.frames, std::vector<uint64_t>{kBare});
}

TEST_F(UnwinderGuess, AFramePointerThatPointsAtItselfEnds) {
  fp() = kStack;
  frame(kStack, kStack, kBare + 0x100);
  const ReplayedStack stack = walk();
  EXPECT_EQ(stack.end, PPROFD_STACK_NO_UNWIND_INFO);
  EXPECT_EQ(stack.frames.size(), 2U);
}

TEST_F(UnwinderGuess, AnAddressWithoutARowAmongRowsIsCrossedTheSameWay) {
  rules.nothing(kBare, UNWIND_NO_ROW);
  fp() = kStack + 32;
  frame(kStack + 32, 0, kCaller);
  memory.words[kStack + 56] = kRoot;
  EXPECT_EQ(walk().frames.size(), 3U);
  fp() = 1;
  EXPECT_EQ(walk().end, PPROFD_STACK_NO_ROW);
}

// --- bounds, reads, states
// -------------------------------------------------------------------------

TEST_F(Unwinder, StopsAtTheFrameLimitAndSaysSo) {
  rules.rule(kCaller - 1, sp_rule(8));
  for (uint64_t frame = 0; frame < PPROFD_MAX_USER_FRAMES + 8; ++frame)
    memory.words[kStack + frame * 8] = kCaller;
  const ReplayedStack stack = walk();
  EXPECT_EQ(stack.end, PPROFD_STACK_FRAME_LIMIT);
  EXPECT_EQ(stack.frames.size(), size_t{PPROFD_MAX_USER_FRAMES});
}

TEST_F(Unwinder, AStackAsLongAsTheLimitIsComplete) {
  rules.rule(kCaller - 1, sp_rule(8));
  for (uint64_t frame = 0; frame < PPROFD_MAX_USER_FRAMES - 2; ++frame)
    memory.words[kStack + frame * 8] = kCaller;
  memory.words[kStack + uint64_t{PPROFD_MAX_USER_FRAMES - 2} * 8] = kRoot;
  const ReplayedStack stack = walk();
  EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE);
  EXPECT_EQ(stack.frames.size(), size_t{PPROFD_MAX_USER_FRAMES});
}

TEST_F(Unwinder, AStackThatLeadsToItselfEnds) {
  callers_at(kStack + 8);
  fp() = kStack + 16;
  MadeRule rule{.cfa = UNWIND_CFA_FP, .cfa_offset = 16, .ra_offset = -8};
  rules.rule(kCaller - 1, rule);
  memory.words[kStack + 24] = kCaller;
  const ReplayedStack stack = walk();
  EXPECT_EQ(stack.end, PPROFD_STACK_LOOP);
  EXPECT_LT(stack.frames.size(), 100U);
}

TEST_F(Unwinder, StacksMaySwitchDownwards) {
  const uint64_t other = kStack - 0x10000;
  callers_at(other + 16);
  fp() = other;
  expect_cfa({.cfa = UNWIND_CFA_FP, .cfa_offset = 16, .ra_offset = -8}, other + 16);
}

TEST_F(Unwinder, CrossesAMisalignedStack) {
  sp() = kStack + 4;
  memory.fill(kStack, kStack + 32);
  const auto put = [&](uint64_t address, uint64_t value) {
    memory.words[address - 4] |= value << 32;
    memory.words[address + 4] |= value >> 32;
  };
  put(kStack + 4, kCaller);
  put(kStack + 20, kRoot);
  expect_whole(walk());
}

TEST_F(Unwinder, ReadsTheStackInBlocks) {
  rules.rule(kCaller - 1, sp_rule(8));
  for (uint64_t frame = 0; frame < 60; ++frame)
    memory.words[kStack + frame * 8] = kCaller;
  memory.words[kStack + uint64_t{60} * 8] = kRoot;
  memory.fill(kStack - 64, kStack + 4096);
  EXPECT_EQ(walk().frames.size(), 62U);
  EXPECT_LE(memory.reads, 2U);
  EXPECT_EQ(memory.largest, size_t{UNWIND_BLOCK_WORDS} * 8);
}

TEST_F(Unwinder, ReadsLessWhereMemoryEnds) {
  for (const uint64_t words : {1UL, 2UL, 15UL, 16UL, 17UL, 63UL}) {
    memory.words.clear();
    const uint64_t at = kStack + 0x1000 - words * 8;
    memory.fill(at, kStack + 0x1000);
    memory.words[at] = kRoot;
    sp() = at;
    const ReplayedStack stack = walk();
    EXPECT_EQ(stack.end, PPROFD_STACK_COMPLETE) << words;
    EXPECT_EQ(stack.frames.size(), 2U) << words;
  }
}

TEST_F(Unwinder, ACopyOfTheStacksTopIsEnoughWhileItLasts) {
  std::array<uint64_t, 4> words{kCaller, 0, kRoot, 0};
  StackCopy copy(kStack, std::as_bytes(std::span(words)));
  expect_whole(replay_stack(rules, copy, leaf));
  StackCopy cut(kStack, std::as_bytes(std::span(words)).first(16));
  const ReplayedStack stack = replay_stack(rules, cut, leaf);
  EXPECT_EQ(stack.end, PPROFD_STACK_READ_FAILED);
  EXPECT_EQ(stack.frames.size(), 2U);
  callers_at(kStack + 8);
  StackCopy with_rest(kStack, std::as_bytes(std::span(words)).first(16), &memory);
  expect_whole(replay_stack(rules, with_rest, leaf));
}

TEST_F(Unwinder, GoesOnWhereAnotherHostStopped) {
  callers_at(kStack + 8);
  rules.nothing(kCaller - 1, UNWIND_PENDING);
  EXPECT_EQ(walk().end, PPROFD_STACK_PENDING);
  unwind_state state{};
  state.ip = kCaller;
  state.sp = kStack + 8;
  state.frame_count = 2;
  rules.rule(kCaller - 1, sp_rule(16));
  expect_whole(resume_stack(rules, memory, state, std::array<uint64_t, 2>{kLeaf, kCaller - 1}));
}

} // namespace
} // namespace pprofd
