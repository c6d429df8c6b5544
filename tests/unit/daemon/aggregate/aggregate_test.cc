#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "daemon/aggregate/aggregate.h"

namespace pprofd {
namespace {

using testing::ElementsAre;

struct Stack {
  std::vector<TraceFrame> frames;
  uint32_t tid = 10;
  std::string_view thread = "main";
  pprofd_stack_end end = PPROFD_STACK_COMPLETE;
  bool heuristic = false;
};

bool add(Aggregate& aggregate, const Stack& stack, bool may_grow = true) {
  return aggregate.add({stack.frames, stack.tid, stack.thread, 100, stack.end, stack.heuristic},
                       may_grow);
}

TEST(Aggregate, AddsUpEqualTracesOfAThread) {
  Aggregate aggregate;
  for (int i = 0; i < 3; ++i)
    add(aggregate, {.frames = {{0x10, 1}, {0x20, 1}}});
  ASSERT_EQ(aggregate.rows().size(), 1U);
  const Aggregate::Row row = aggregate.rows().front();
  EXPECT_EQ(row.samples, 3U);
  EXPECT_EQ(row.value, 300U);
  ASSERT_EQ(aggregate.trace(row.trace).size(), 2U);
  EXPECT_EQ(aggregate.frames()[aggregate.trace(row.trace)[1]], (TraceFrame{0x20, 1}));
}

TEST(Aggregate, KeepsApartThreadsNamesMappingsAndOrder) {
  Aggregate aggregate;
  add(aggregate, {.frames = {{0x10, 1}, {0x20, 1}}});
  add(aggregate, {.frames = {{0x20, 1}, {0x10, 1}}});
  add(aggregate, {.frames = {{0x10, 2}, {0x20, 1}}});
  add(aggregate, {.frames = {{0x10, 1}, {0x20, 1}}, .tid = 11});
  add(aggregate, {.frames = {{0x10, 1}, {0x20, 1}}, .thread = "renamed"});
  add(aggregate, {.frames = {{0x10, 1}}});
  add(aggregate, {.frames = {}});
  EXPECT_EQ(aggregate.rows().size(), 7U);
}

TEST(Aggregate, TakesInAllThatAnotherHas) {
  Aggregate one;
  add(one, {.frames = {{0x10, 1}, {0x20, 1}}});
  add(one, {.frames = {{0x30, 1}}, .tid = 11});
  Aggregate other;
  add(other, {.frames = {{0x40, 1}, {0x20, 1}}});
  add(other, {.frames = {{0x10, 1}, {0x20, 1}}, .heuristic = true});
  add(other, {.frames = {{0x50, 1}}, .end = PPROFD_STACK_NO_ROW}, false);
  Aggregate both;
  both.add(one);
  both.add(other);
  ASSERT_EQ(both.rows().size(), 3U);
  uint64_t value = 0;
  for (const Aggregate::Row& row : both.rows())
    value += row.value;
  EXPECT_EQ(value, 400U);
  EXPECT_EQ(both.accounting().written(), 4U);
  EXPECT_EQ(both.accounting().taken(), 5U);
  EXPECT_EQ(both.accounting().heuristic, 1U);
  EXPECT_EQ(both.frames().size(), 4U);
  EXPECT_EQ(both.frames()[3], (TraceFrame{0x40, 1})) << "new ones in the other's order";
}

TEST(Aggregate, CountsEndsOfStacks) {
  Aggregate aggregate;
  add(aggregate, {.frames = {{0x10, 1}}});
  add(aggregate, {.frames = {{0x10, 1}}, .end = PPROFD_STACK_NO_USER_STACK});
  add(aggregate, {.frames = {{0x10, 1}}, .end = PPROFD_STACK_READ_FAILED, .heuristic = true});
  const SampleAccounting& accounting = aggregate.accounting();
  EXPECT_EQ(accounting.written(), 3U);
  EXPECT_EQ(accounting.complete(), 2U);
  EXPECT_EQ(accounting.stack_ends[PPROFD_STACK_READ_FAILED], 1U);
  EXPECT_EQ(accounting.heuristic, 1U);
}

TEST(Aggregate, WithoutRoomStillCountsKnownTracesAndDropsTheRestByName) {
  Aggregate aggregate;
  add(aggregate, {.frames = {{0x10, 1}, {0x20, 1}}});
  EXPECT_TRUE(add(aggregate, {.frames = {{0x10, 1}, {0x20, 1}}}, false));
  EXPECT_FALSE(add(aggregate, {.frames = {{0x30, 1}}}, false));
  EXPECT_FALSE(add(aggregate, {.frames = {{0x20, 1}, {0x10, 1}}}, false));
  EXPECT_FALSE(add(aggregate, {.frames = {{0x10, 1}, {0x20, 1}}, .tid = 11}, false));
  EXPECT_EQ(aggregate.accounting().written(), 2U);
  EXPECT_EQ(aggregate.accounting().drops_for(DropReason::kTableFull), 3U);
  EXPECT_EQ(aggregate.accounting().taken(), 5U);
  EXPECT_EQ(aggregate.rows().size(), 1U);
}

TEST(Aggregate, GrowsWithDistinctTracesNotWithSamples) {
  Aggregate aggregate;
  add(aggregate, {.frames = {{0x10, 1}, {0x20, 1}}});
  const size_t once = aggregate.memory();
  for (int i = 0; i < 10'000; ++i)
    add(aggregate, {.frames = {{0x10, 1}, {0x20, 1}}});
  EXPECT_EQ(aggregate.memory(), once);
  for (uint64_t i = 0; i < 1000; ++i)
    add(aggregate, {.frames = {{0x1000 + i, 1}}});
  EXPECT_GT(aggregate.memory(), once + 1000 * sizeof(TraceFrame));
}

} // namespace
} // namespace pprofd
