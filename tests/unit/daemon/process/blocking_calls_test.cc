#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <future>
#include <thread>

#include "daemon/process/files/blocking_calls.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

// Calls that hang until the test lets them go.
class Gate {
public:
  std::function<void()> call() {
    return [opened = opened_] { opened.wait(); };
  }
  void open() { promise_.set_value(); }

private:
  std::promise<void> promise_;
  std::shared_future<void> opened_ = promise_.get_future().share();
};

bool wait_until(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

TEST(BlockingCalls, RunsACallOnAnotherThreadAndWaitsForIt) {
  BlockingCalls calls;
  auto thread = std::make_shared<std::thread::id>();
  for (int i = 0; i < 100; ++i) {
    *thread = std::this_thread::get_id();
    ASSERT_EQ(calls.run("k", 0, 10s, [thread] { *thread = std::this_thread::get_id(); }),
              CallOutcome::done);
    EXPECT_NE(*thread, std::this_thread::get_id());
  }
  EXPECT_EQ(calls.stuck(), 0U);
}

TEST(BlockingCalls, StopsWaitingAtTheDeadlineAndServesOn) {
  BlockingCalls calls;
  Gate gate;
  EXPECT_EQ(calls.run("hang", 0, 5ms, gate.call()), CallOutcome::timed_out);
  EXPECT_EQ(calls.stuck(), 1U);
  EXPECT_EQ(calls.run("other", 0, 10s, [] {}), CallOutcome::done);
  gate.open();
  EXPECT_TRUE(wait_until([&] { return calls.stuck() == 0; }));
}

TEST(BlockingCalls, RefusesWhatHangsAlreadyUntilItReturns) {
  BlockingCalls calls;
  Gate gate;
  ASSERT_EQ(calls.run("hang", 0, 5ms, gate.call()), CallOutcome::timed_out);
  EXPECT_EQ(calls.run("hang", 0, 5ms, [] {}), CallOutcome::refused);
  gate.open();
  ASSERT_TRUE(wait_until([&] { return calls.stuck() == 0; }));
  EXPECT_EQ(calls.run("hang", 0, 10s, [] {}), CallOutcome::done);
}

TEST(BlockingCalls, AUserWithHangingFilesIsRefusedWhileOthersAreServed) {
  BlockingCalls calls;
  Gate gate;
  for (size_t i = 0; i < BlockingCalls::kMaxStuckPerOwner; ++i)
    ASSERT_EQ(calls.run("hang " + std::to_string(i), 1000, 5ms, gate.call()),
              CallOutcome::timed_out);
  EXPECT_EQ(calls.run("new", 1000, 5ms, [] {}), CallOutcome::refused);
  EXPECT_EQ(calls.run("new", 1001, 10s, [] {}), CallOutcome::done);
  EXPECT_EQ(calls.run("new", 0, 10s, [] {}), CallOutcome::done);
  gate.open();
  EXPECT_TRUE(wait_until([&] { return calls.stuck() == 0; }));
}

TEST(BlockingCalls, BoundsTheNumberOfHangingHelpers) {
  BlockingCalls calls;
  Gate gate;
  for (size_t i = 0; i < BlockingCalls::kMaxStuck; ++i)
    ASSERT_EQ(calls.run("hang " + std::to_string(i), 0, 1ms, gate.call()), CallOutcome::timed_out);
  EXPECT_EQ(calls.run("one more", 0, 1ms, [] {}), CallOutcome::refused);
  gate.open();
  ASSERT_TRUE(wait_until([&] { return calls.stuck() == 0; }));
  EXPECT_EQ(calls.run("one more", 0, 10s, [] {}), CallOutcome::done);
}

TEST(BlockingCalls, BringsTheValueOfACallThatIsDoneInTime) {
  BlockingCalls calls;
  const auto value = calls.value_of("k", 0, 10s, [] { return std::make_unique<int>(42); });
  ASSERT_TRUE(value);
  EXPECT_EQ(**value, 42);
}

TEST(BlockingCalls, KeepsTheValueOfALateCallForWhoeverComesBackForIt) {
  BlockingCalls calls;
  Gate gate;
  const auto answer = std::make_shared<LateValue<int>>();
  const auto late = [hang = gate.call()] {
    hang();
    return 42;
  };
  ASSERT_EQ(calls.run_for(answer, "late", 0, 1ms, late), CallOutcome::timed_out);
  EXPECT_EQ(calls.value_of("late too", 0, 1ms, late), std::nullopt);
  EXPECT_EQ(answer->take(), std::nullopt);
  gate.open();
  std::optional<int> value;
  ASSERT_TRUE(wait_until([&] { return (value = answer->take()).has_value(); }));
  EXPECT_EQ(value, 42);
  EXPECT_EQ(answer->take(), std::nullopt);
}

TEST(BlockingCalls, EndsWithoutWaitingForWhatHangs) {
  Gate gate;
  {
    BlockingCalls calls;
    ASSERT_EQ(calls.run("hang", 0, 1ms, gate.call()), CallOutcome::timed_out);
  }
  gate.open();
}

} // namespace
} // namespace pprofd
