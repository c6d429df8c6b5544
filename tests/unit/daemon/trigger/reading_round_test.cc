#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>
#include <iterator>
#include <latch>
#include <thread>

#include "daemon/trigger/reading_round.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

uint64_t own_cpu_nanos() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

TEST(ReadCounts, ThisProcessIsReadAsItIs) {
  const auto before = read_counts(ProcFs(), ::getpid(), true);
  ASSERT_TRUE(before);
  std::latch end{1};
  {
    std::jthread other([&end] { end.wait(); });
    const uint64_t from = own_cpu_nanos();
    const auto with = read_counts(ProcFs(), ::getpid(), true, &*before);
    ASSERT_TRUE(with);
    // The thread sanitizer may have begun one of its own.
    const std::filesystem::directory_iterator tasks("/proc/self/task");
    EXPECT_EQ(with->threads, static_cast<uint64_t>(std::ranges::distance(tasks)));
    EXPECT_GT(with->threads, before->threads);
    EXPECT_GE(with->cpu_nanos, from);
    EXPECT_LE(with->cpu_nanos, own_cpu_nanos());
    end.count_down();
  }
  EXPECT_FALSE(read_counts(ProcFs(), 0x3fffffff, true));
}

TEST(ReadCounts, ReadingsAreSharesOfTheTime) {
  const ProcessCounts before{.cpu_nanos = 1'000'000'000, .threads = 3, .run_queue_nanos = 500};
  const ProcessCounts after{
      .cpu_nanos = 4'000'000'000, .threads = 7, .run_queue_nanos = 1'000'000'500};
  const TriggerReading reading = reading_between(before, after, 2s);
  EXPECT_DOUBLE_EQ(reading[TriggerMetric::kCpu], 150);
  EXPECT_DOUBLE_EQ(reading[TriggerMetric::kThreads], 7);
  EXPECT_DOUBLE_EQ(reading[TriggerMetric::kRunQueue], 50);
}

TEST(ReadCounts, WaitingThatWasNotReadBeforeIsNone) {
  const ProcessCounts none{.cpu_nanos = 5, .threads = 90, .run_queue_nanos = 0};
  const ProcessCounts some{.cpu_nanos = 6, .threads = 3, .run_queue_nanos = 1'000'000'000};
  EXPECT_DOUBLE_EQ(reading_between(none, some, 1s)[TriggerMetric::kRunQueue], 0);
  // Threads that ended take theirs along.
  EXPECT_DOUBLE_EQ(reading_between(some, none, 1s)[TriggerMetric::kRunQueue], 0);
}

TEST(ReadingRound, ReadsEachProcessOnceARoundAndReportsFromTheSecondOn) {
  unsigned rounds = 0;
  unsigned readings = 0;
  ReadingRound round(
      ProcFs(), 1ms, true,
      {.list =
           [] {
             return std::vector<ReadingRound::Candidate>{{.process = 7, .pid = ::getpid()},
                                                         {.process = 8, .pid = 0x3fffffff}};
           },
       .each =
           [&](const ReadingRound::Candidate& candidate, const TriggerReading& reading, auto) {
             EXPECT_EQ(candidate.process, 7U);
             EXPECT_GE(reading[TriggerMetric::kThreads], 1);
             ++readings;
           },
       .end = [&] { ++rounds; }});
  const auto deadline = ReadingRound::Clock::now() + 20s;
  while (rounds < 3 && ReadingRound::Clock::now() < deadline)
    round.step(5ms);
  EXPECT_EQ(rounds, 3U);
  EXPECT_EQ(readings, 2U);
}

} // namespace
} // namespace pprofd
