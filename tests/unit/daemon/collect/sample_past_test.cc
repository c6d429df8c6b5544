#include <gtest/gtest.h>

#include <vector>

#include "daemon/collect/sample_past.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kSecondNanos = 1'000'000'000;

class SamplePastTest : public testing::Test {
protected:
  SamplePastTest() {
    first_.serial = 1;
    second_.serial = 2;
    Mapping mapping;
    mapping.start = {0x1000};
    mapping.end = {0x2000};
    window_.mappings.emplace(7, mapping);
    window_.program = mapping;
  }

  // One sample of a stack of one frame.
  void sample(SamplePast& past, const Process& process, uint64_t second, uint64_t address = 0x1234,
              bool may_grow = true) {
    const std::vector<TraceFrame> frames{{address, 7}};
    past.add(process,
             {.frames = frames,
              .tid = 5,
              .thread = "main",
              .value = 10,
              .end = PPROFD_STACK_COMPLETE,
              .heuristic = false},
             second * kSecondNanos, window_, may_grow);
  }
  static uint64_t samples_of(const SamplePast& past, const Process& process) {
    uint64_t begin = 0;
    const auto found = past.of(process, begin);
    return found == nullptr ? 0 : found->aggregate.accounting().written();
  }

  Process first_, second_;
  CollectedProcess window_; // that the samples are in as well
};

TEST_F(SamplePastTest, GivesWhatAProcessDidOverAllSlots) {
  SamplePast past(60s, 1 << 20);
  for (uint64_t second = 100; second < 130; ++second)
    sample(past, first_, second, 0x1000 + second % 3);
  sample(past, second_, 105);
  uint64_t begin = 0;
  const auto found = past.of(first_, begin);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(begin, 100 * kSecondNanos);
  EXPECT_EQ(found->process, &first_);
  EXPECT_EQ(found->aggregate.accounting().written(), 30U);
  EXPECT_EQ(found->aggregate.frames().size(), 3U);
  EXPECT_EQ(found->mappings.size(), 1U);
  EXPECT_TRUE(found->program);
  uint64_t value = 0;
  for (const Aggregate::Row& row : found->aggregate.rows()) {
    EXPECT_EQ(row.samples, 10U);
    value += row.value;
  }
  EXPECT_EQ(value, 300U);
  // When each frame was met first, for names of code that comes and goes.
  EXPECT_EQ(found->frame_times,
            (std::vector<uint64_t>{100 * kSecondNanos, 101 * kSecondNanos, 102 * kSecondNanos}));
  EXPECT_EQ(samples_of(past, second_), 1U);
}

TEST_F(SamplePastTest, ForgetsByAge) {
  SamplePast past(60s, 1 << 20);
  for (uint64_t second = 100; second < 200; ++second) {
    sample(past, first_, second);
    past.forget(second * kSecondNanos);
  }
  // A minute at least, and a slot at most beyond it.
  EXPECT_GE(samples_of(past, first_), 60U);
  EXPECT_LE(samples_of(past, first_), 71U);
  past.forget(300 * kSecondNanos);
  EXPECT_FALSE(past.holds(first_));
}

TEST_F(SamplePastTest, ForgetsTheOldestOverItsLimit) {
  constexpr size_t kLimit = 100'000;
  SamplePast past(600s, kLimit);
  for (uint64_t second = 100; second < 400; ++second) {
    for (uint64_t at = 0; at < 20; ++at)
      sample(past, first_, second, 0x1000 + second * 20 + at);
    past.forget(second * kSecondNanos);
    EXPECT_LE(past.memory(), kLimit);
  }
  uint64_t begin = 0;
  const auto found = past.of(first_, begin);
  ASSERT_NE(found, nullptr);
  EXPECT_GT(begin, 200 * kSecondNanos);
  EXPECT_GT(found->aggregate.accounting().written(), 100U);
}

TEST_F(SamplePastTest, LetsGoOfProcessesThatHaveEnded) {
  SamplePast past(60s, 1 << 20);
  sample(past, first_, 100);
  sample(past, second_, 100);
  first_.exited = true;
  first_.exit_time = 101 * kSecondNanos;
  past.forget(103 * kSecondNanos);
  EXPECT_TRUE(past.holds(first_)) << "what it died of may still be told";
  past.forget(107 * kSecondNanos);
  EXPECT_FALSE(past.holds(first_));
  EXPECT_TRUE(past.holds(second_));
}

TEST_F(SamplePastTest, CountsWhatItHasNoRoomForAsDropped) {
  SamplePast past(60s, 1 << 20);
  sample(past, first_, 100);
  sample(past, first_, 101, 0x1999, false);
  uint64_t begin = 0;
  const auto found = past.of(first_, begin);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->aggregate.accounting().written(), 1U);
  EXPECT_EQ(found->aggregate.accounting().taken(), 2U);
}

TEST_F(SamplePastTest, KeepsNothingWhereItIsSwitchedOff) {
  SamplePast past(0s, 1 << 20);
  sample(past, first_, 100);
  EXPECT_FALSE(past.holds(first_));
  EXPECT_EQ(past.memory(), 0U);
}

} // namespace
} // namespace pprofd
