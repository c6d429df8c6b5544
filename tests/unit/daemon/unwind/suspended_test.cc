// Walks that the kernel stopped at, and what becomes of them here.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "daemon/unwind/suspended.h"
#include "tests/unit/bpf/made_stack.h"

namespace pprofd::test {
namespace {

using Frames = std::vector<uint64_t>;

constexpr uint64_t kStack = 0x7ffd'0000'1000;
constexpr uint64_t kLeaf = 0x10000;
constexpr uint64_t kCaller = 0x20000;
constexpr uint64_t kOuter = 0x30000;
constexpr uint64_t kRoot = 0x40000;

constexpr uint64_t native(uint64_t pc) {
  return pc | (uint64_t{PPROFD_FRAME_NATIVE} << PPROFD_FRAME_KIND_SHIFT);
}

std::span<const std::byte> bytes_of(const auto& value) {
  return std::as_bytes(std::span(&value, 1));
}

// A walk that stands at the leaf: its caller's address is at sp + 8, and so on, 16 bytes a frame.
class Suspended : public testing::Test {
protected:
  Suspended() {
    state_.ip = kLeaf;
    state_.sp = kStack;
    state_.frame_count = 1;
    state_.exact = 1;
    state_.leaf = 1;
    for (const uint64_t code : {kLeaf, kCaller, kOuter})
      rules_.rule(code, {.cfa = UNWIND_CFA_SP, .cfa_offset = 16, .ra_offset = -8});
    rules_.rule(kRoot, {.cfa = UNWIND_CFA_SP, .ra = UNWIND_RA_UNDEFINED, .cfa_offset = 8});
  }

  // Of these words, all are copied.
  std::vector<std::byte> record(const Frames& stack) const {
    return record(stack, {.stack_start = kStack,
                          .stack_size = static_cast<__u32>(8 * stack.size()),
                          .state_size = UNWIND_STATE_SAVED});
  }

  std::vector<std::byte> record(const Frames& stack, const unwind_suspended& head) const {
    std::vector<std::byte> bytes;
    const auto add = [&](std::span<const std::byte> more) {
      bytes.insert(bytes.end(), more.begin(), more.end());
    };
    add(bytes_of(head));
    add(bytes_of(state_).first(UNWIND_STATE_SAVED));
    add(std::as_bytes(std::span(stack)));
    return bytes;
  }

  unwind_state state_{};
  MadeRules rules_;
  const Frames stack_{0, kCaller + 1, 0, kOuter + 1, 0, kRoot + 1, 0};
  const Frames chain_{native(kLeaf), native(kCaller), native(kOuter), native(kRoot)};
  const Frames known_{native(kLeaf)};
};

TEST_F(Suspended, GoesOnToTheRoot) {
  auto stack = SuspendedStack::parse(record(stack_), known_);
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack->end(), PPROFD_STACK_PENDING);
  EXPECT_EQ(Frames(stack->frames().begin(), stack->frames().end()), known_);
  stack->resume(rules_);
  EXPECT_EQ(stack->end(), PPROFD_STACK_COMPLETE);
  EXPECT_EQ(Frames(stack->frames().begin(), stack->frames().end()), chain_);
}

TEST_F(Suspended, GoesOnFromTheMiddle) {
  state_.ip = kCaller + 1;
  state_.sp = kStack + 16;
  state_.exact = 0;
  state_.leaf = 0;
  state_.frame_count = 2;
  auto stack = SuspendedStack::parse(record(stack_), Frames{native(kLeaf), native(kCaller)});
  ASSERT_TRUE(stack);
  stack->resume(rules_);
  EXPECT_EQ(stack->end(), PPROFD_STACK_COMPLETE);
  EXPECT_EQ(Frames(stack->frames().begin(), stack->frames().end()), chain_);
}

TEST_F(Suspended, MayBeTriedAgainAsOftenAsRowsAreMissing) {
  MadeRules rules = rules_;
  auto stack = SuspendedStack::parse(record(stack_), known_);
  ASSERT_TRUE(stack);
  const std::array missing = {kLeaf, kCaller, kOuter};
  for (size_t at = 0; at < missing.size(); ++at) {
    MadeRules some = rules_;
    some.nothing(missing.at(at), UNWIND_PENDING);
    for (int again = 0; again < 2; ++again) {
      stack->resume(some);
      EXPECT_EQ(stack->end(), PPROFD_STACK_PENDING);
      EXPECT_EQ(Frames(stack->frames().begin(), stack->frames().end()),
                Frames(chain_.begin(), chain_.begin() + static_cast<ptrdiff_t>(at) + 1));
    }
  }
  stack->resume(rules);
  EXPECT_EQ(stack->end(), PPROFD_STACK_COMPLETE);
  EXPECT_EQ(Frames(stack->frames().begin(), stack->frames().end()), chain_);
}

// The kernel's block is not part of the record.
TEST_F(Suspended, ReadsTheCopyAndNotABlock) {
  state_.block_start = kStack;
  state_.block_words = UNWIND_BLOCK_WORDS;
  auto stack = SuspendedStack::parse(record(stack_), known_);
  ASSERT_TRUE(stack);
  stack->resume(rules_);
  EXPECT_EQ(Frames(stack->frames().begin(), stack->frames().end()), chain_);
}

TEST_F(Suspended, EndsWhereTheCopyEnds) {
  for (size_t words = 0; words < 6; ++words) {
    const Frames part(stack_.begin(), stack_.begin() + static_cast<ptrdiff_t>(words));
    auto stack = SuspendedStack::parse(record(part), known_);
    ASSERT_TRUE(stack);
    stack->resume(rules_);
    EXPECT_EQ(stack->end(), PPROFD_STACK_COPY_LIMIT) << words;
    EXPECT_EQ(Frames(stack->frames().begin(), stack->frames().end()),
              Frames(chain_.begin(), chain_.begin() + 1 + static_cast<ptrdiff_t>(words / 2)));
  }
}

TEST_F(Suspended, SaysWhereTheCopyWasTooSmall) {
  Frames deep;
  while (8 * (deep.size() + 2) <= UNWIND_SUSPENDED_STACK)
    deep.insert(deep.end(), {0, kCaller + 1});
  auto stack = SuspendedStack::parse(record(deep), known_);
  ASSERT_TRUE(stack);
  stack->resume(rules_);
  EXPECT_EQ(stack->end(), PPROFD_STACK_FRAME_LIMIT);
  // Frames of 128 bytes: fewer than the limit, and the copy is used up.
  for (size_t at = 0; at < deep.size(); ++at)
    deep[at] = at % 16 == 15 ? kCaller + 1 : 0;
  for (const uint64_t code : {kLeaf, kCaller})
    rules_.rule(code, {.cfa = UNWIND_CFA_SP, .cfa_offset = 128, .ra_offset = -8});
  stack = SuspendedStack::parse(record(deep), known_);
  ASSERT_TRUE(stack);
  stack->resume(rules_);
  EXPECT_EQ(stack->end(), PPROFD_STACK_COPY_LIMIT);
  EXPECT_EQ(stack->frames().size(), 1 + deep.size() / 16);
}

TEST_F(Suspended, BytesBehindTheCopyAreNoPartOfIt) {
  auto bytes =
      record(stack_, {.stack_start = kStack, .stack_size = 16, .state_size = UNWIND_STATE_SAVED});
  auto stack = SuspendedStack::parse(bytes, known_);
  ASSERT_TRUE(stack);
  stack->resume(rules_);
  EXPECT_EQ(stack->end(), PPROFD_STACK_COPY_LIMIT);
  EXPECT_EQ(stack->frames().size(), 2U);
}

TEST_F(Suspended, TruncatedAnywhereIsRefused) {
  const auto whole = record(stack_);
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(SuspendedStack::parse(std::span(whole).first(size), known_)) << size;
  EXPECT_TRUE(SuspendedStack::parse(whole, known_));
}

TEST_F(Suspended, SizesThatCannotBeAreRefused) {
  const auto refused = [&](__u32 stack_size, __u32 state_size) {
    return !SuspendedStack::parse(
        record(stack_, {.stack_start = kStack, .stack_size = stack_size, .state_size = state_size}),
        known_);
  };
  EXPECT_TRUE(refused(static_cast<__u32>(8 * stack_.size() + 1), UNWIND_STATE_SAVED));
  EXPECT_TRUE(refused(UINT32_MAX, UNWIND_STATE_SAVED));
  EXPECT_TRUE(refused(8, UNWIND_STATE_SAVED - 8));
  EXPECT_TRUE(refused(8, UNWIND_STATE_SAVED + 8));
  EXPECT_TRUE(refused(8, 0));
  EXPECT_FALSE(refused(8, UNWIND_STATE_SAVED));
}

TEST_F(Suspended, MoreOrFewerFramesThanTheStateSaysDoNoHarm) {
  state_.frame_count = 100'000;
  auto stack = SuspendedStack::parse(record(stack_), known_);
  ASSERT_TRUE(stack);
  stack->resume(rules_);
  EXPECT_EQ(Frames(stack->frames().begin(), stack->frames().end()), chain_);
  stack = SuspendedStack::parse(record(stack_), Frames(5000, native(kLeaf)));
  ASSERT_TRUE(stack);
  stack->resume(rules_);
  EXPECT_EQ(stack->end(), PPROFD_STACK_FRAME_LIMIT);
  EXPECT_EQ(stack->frames().size(), size_t{PPROFD_MAX_USER_FRAMES});
}

TEST_F(Suspended, GarbageEnds) {
  std::mt19937_64 dice{7};
  rules_.rule(0x50000,
              {.cfa = UNWIND_CFA_FP, .fp = UNWIND_FP_AT_FP, .cfa_offset = 16, .ra_offset = -8});
  rules_.rule(0x60000, {.cfa = UNWIND_CFA_REGISTER, .cfa_register = 200});
  rules_.rule(0x70000, {.cfa = UNWIND_CFA_SIGNAL});
  rules_.nothing(0x80000, UNWIND_NO_ROW);
  const auto good = record(stack_);
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = good;
    const size_t count = 1 + dice() % 64;
    for (size_t at = 0; at < count; ++at)
      bytes[sizeof(unwind_suspended) + dice() % (bytes.size() - sizeof(unwind_suspended))] =
          static_cast<std::byte>(dice());
    auto stack = SuspendedStack::parse(bytes, known_);
    ASSERT_TRUE(stack);
    stack->resume(rules_);
    ASSERT_LE(stack->frames().size(), size_t{PPROFD_MAX_USER_FRAMES});
    ASSERT_NE(stack->end(), PPROFD_STACK_PENDING);
  }
  // Heads too.
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes(dice() % 600);
    for (std::byte& byte : bytes)
      byte = static_cast<std::byte>(dice());
    if (auto stack = SuspendedStack::parse(bytes, known_))
      stack->resume(rules_);
  }
}

} // namespace
} // namespace pprofd::test
