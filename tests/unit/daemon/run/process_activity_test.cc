#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "daemon/run/process_activity.h"
#include "tests/unit/daemon/process/fake_proc.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

class ProcessActivityTest : public testing::Test {
protected:
  void process(pid_t pid, uint64_t ticks, uint64_t start = 100) const {
    FakeProcess made;
    made.pid = pid;
    made.comm = "worker";
    made.user_ticks = ticks;
    made.start_ticks = start;
    proc.add(made);
  }
  void io(pid_t pid, uint64_t bytes) const {
    proc.file(std::to_string(pid) + "/io",
              "read_bytes: " + std::to_string(bytes) + "\nwrite_bytes: 0\n");
  }

  FakeProc proc;
  ProcessActivity activity{ProcFs(proc.root()), 0ns, [](pid_t pid, const ProcStat& stat) {
                             return ProcessActivity::Identity{
                                 .service = "service" + std::to_string(pid), .comm = stat.comm};
                           }};
  uint64_t tick = 1'000'000'000 / static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
};

TEST_F(ProcessActivityTest, SaysWhatHappenedBetweenTwoRounds) {
  process(7, 100);
  io(7, 1000);
  process(8, 5);
  EXPECT_FALSE(activity.step(1h)); // nothing to compare with
  process(7, 130);
  io(7, 5096);
  const auto metrics = activity.step(1h);
  ASSERT_TRUE(metrics);
  EXPECT_GT(metrics->duration_nanos(), 0);
  ASSERT_EQ(metrics->processes_size(), 1); // 8 did nothing
  const auto& only = metrics->processes(0);
  EXPECT_EQ(only.pid(), 7U);
  EXPECT_EQ(only.start_ticks(), 100U);
  EXPECT_EQ(only.service(), "service7");
  EXPECT_EQ(only.comm(), "worker");
  EXPECT_EQ(only.cpu_nanos(), 30 * tick);
  EXPECT_EQ(only.read_bytes(), 4096U);
  EXPECT_EQ(only.threads(), 1U);
}

TEST_F(ProcessActivityTest, AProcessThatIsNewCountsFromItsBegin) {
  process(7, 100);
  EXPECT_FALSE(activity.step(1h));
  process(7, 20, 900); // the pid is another process's by now
  const auto metrics = activity.step(1h);
  ASSERT_TRUE(metrics);
  ASSERT_EQ(metrics->processes_size(), 1);
  EXPECT_EQ(metrics->processes(0).cpu_nanos(), 20 * tick);
}

TEST_F(ProcessActivityTest, GoesOnWhereItsTimeEnded) {
  for (pid_t pid = 1; pid <= 20; ++pid)
    process(pid, 1);
  EXPECT_FALSE(activity.step(1h));
  for (pid_t pid = 1; pid <= 20; ++pid)
    process(pid, 2);
  int steps = 1;
  std::optional<serve::ProcessMetrics> metrics;
  for (; !metrics && steps < 1000; ++steps)
    metrics = activity.step(1us);
  ASSERT_TRUE(metrics);
  EXPECT_GT(steps, 2);
  EXPECT_EQ(metrics->processes_size(), 20);
}

} // namespace
} // namespace pprofd
