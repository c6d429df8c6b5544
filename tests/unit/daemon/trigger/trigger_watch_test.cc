#include <gtest/gtest.h>

#include "daemon/trigger/trigger_watch.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using Time = TriggerWatch::Time;

TriggerWatch::Rule rule(const char* text, std::chrono::nanoseconds every = 10min) {
  return {parse_condition(text).value(), every};
}

TriggerReading cpu(double percent, double threads = 1) {
  return {{percent, threads, 0}};
}

// A clock and rounds of one process.
class WatchTest : public testing::Test {
protected:
  TriggerWatch& watch(TriggerWatch::Options options) {
    watch_ = std::make_unique<TriggerWatch>(std::move(options));
    return *watch_;
  }
  std::optional<TriggerFiring> read(const TriggerReading& reading, uint64_t process = 1,
                                    bool may_fire = true, std::vector<bool> concerns = {true}) {
    now_ += 2s;
    watch_->begin_round();
    auto firing = watch_->observe(process, reading, now_, concerns, may_fire);
    watch_->end_round();
    return firing;
  }

  std::unique_ptr<TriggerWatch> watch_;
  Time now_ = 1h;
};

TEST_F(WatchTest, ARuleHoldsForItsTimeWithoutABreak) {
  watch({.rules = {rule("cpu > 80% for 6s")}, .most_an_hour = 10});
  EXPECT_FALSE(read(cpu(10)));
  EXPECT_FALSE(read(cpu(90)));
  EXPECT_FALSE(read(cpu(90)));
  EXPECT_FALSE(read(cpu(50)));
  EXPECT_FALSE(read(cpu(90)));
  EXPECT_FALSE(read(cpu(90)));
  EXPECT_FALSE(read(cpu(90)));
  const auto firing = read(cpu(95));
  ASSERT_TRUE(firing);
  EXPECT_EQ(firing->rule, 0U);
  EXPECT_EQ(firing->reason, "cpu > 80% for 6s");
  EXPECT_EQ(firing->metric, TriggerMetric::kCpu);
  EXPECT_EQ(firing->value, 95);
}

TEST_F(WatchTest, WhatWasBeforeIsOfTheTimeBeforeItBegan) {
  watch({.rules = {rule("cpu > 80% for 4s")}, .history = 1min, .most_an_hour = 10});
  for (int i = 0; i < 10; ++i)
    EXPECT_FALSE(read(cpu(10, 3)));
  EXPECT_FALSE(read(cpu(90, 50)));
  EXPECT_FALSE(read(cpu(90, 50)));
  const auto firing = read(cpu(90, 50));
  ASSERT_TRUE(firing && firing->before);
  EXPECT_DOUBLE_EQ((*firing->before)[TriggerMetric::kCpu], 10);
  EXPECT_DOUBLE_EQ((*firing->before)[TriggerMetric::kThreads], 3);
}

TEST_F(WatchTest, NothingIsSaidToHaveBeenBeforeAProcessWasKnown) {
  watch({.rules = {rule("threads > 10")}, .history = 1min, .most_an_hour = 10});
  const auto firing = read(cpu(0, 11));
  ASSERT_TRUE(firing);
  EXPECT_FALSE(firing->before);
}

TEST_F(WatchTest, OneProcessHasTheDistanceOfTheRule) {
  watch({.rules = {rule("cpu > 80%", 20s)}, .most_an_hour = 100});
  EXPECT_TRUE(read(cpu(90)));
  for (int i = 0; i < 9; ++i)
    EXPECT_FALSE(read(cpu(90))) << i;
  EXPECT_TRUE(read(cpu(90)));
  EXPECT_TRUE(read(cpu(90), 2)) << "another process is a matter of its own";
  EXPECT_EQ(watch_->suppressed(), 0U) << "it goes on, it does not begin again";
}

TEST_F(WatchTest, AllTogetherHaveABoundInAnyHour) {
  watch({.rules = {rule("cpu > 80%", 1s)}, .most_an_hour = 3});
  for (uint64_t process = 1; process <= 3; ++process)
    EXPECT_TRUE(read(cpu(90), process));
  for (int i = 0; i < 5; ++i)
    EXPECT_FALSE(read(cpu(90), 4));
  EXPECT_EQ(watch_->suppressed(), 1U) << "counted once while it holds";
  EXPECT_FALSE(read(cpu(0), 4));
  EXPECT_FALSE(read(cpu(90), 4));
  EXPECT_EQ(watch_->suppressed(), 2U);
  now_ += 1h;
  EXPECT_TRUE(read(cpu(90), 4));
}

TEST_F(WatchTest, WhatMayNotFireNowFiresWhenItMay) {
  watch({.rules = {rule("cpu > 80%")}, .most_an_hour = 3});
  EXPECT_FALSE(read(cpu(90), 1, false));
  EXPECT_EQ(watch_->suppressed(), 0U);
  EXPECT_TRUE(read(cpu(90), 1, true));
}

TEST_F(WatchTest, RulesConcernWhoTheyMatchOnly) {
  watch({.rules = {rule("cpu > 80%"), rule("threads > 5")}, .most_an_hour = 3});
  EXPECT_FALSE(read(cpu(90, 1), 1, true, {false, true}));
  const auto firing = read(cpu(90, 6), 1, true, {false, true});
  ASSERT_TRUE(firing);
  EXPECT_EQ(firing->rule, 1U);
}

TEST_F(WatchTest, LeavingTheOwnRangeFires) {
  watch({.rules = {}, .ranges = true, .history = 1min, .every = 5min, .most_an_hour = 10});
  for (int i = 0; i < 60; ++i)
    EXPECT_FALSE(read(cpu(i % 2 == 0 ? 4 : 8, 12), 1, true, {}));
  EXPECT_FALSE(read(cpu(80, 12), 1, true, {})) << "one reading may be a moment";
  const auto firing = read(cpu(80, 12), 1, true, {});
  ASSERT_TRUE(firing);
  EXPECT_FALSE(firing->rule);
  EXPECT_EQ(firing->reason, "range cpu");
  ASSERT_TRUE(firing->before);
  EXPECT_NEAR((*firing->before)[TriggerMetric::kCpu], 6, 1);
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(read(cpu(80, 12), 1, true, {})) << "it is the usual level now";
}

TEST_F(WatchTest, MoreThreadsThanUsualFire) {
  watch({.rules = {}, .ranges = true, .history = 20s, .every = 5min, .most_an_hour = 10});
  for (int i = 0; i < 20; ++i)
    EXPECT_FALSE(read(cpu(4, 12), 1, true, {}));
  EXPECT_FALSE(read(cpu(4, 20), 1, true, {}));
  EXPECT_FALSE(read(cpu(4, 20), 1, true, {})) << "not by more than eight";
  EXPECT_FALSE(read(cpu(4, 60), 1, true, {}));
  const auto firing = read(cpu(4, 60), 1, true, {});
  ASSERT_TRUE(firing);
  EXPECT_EQ(firing->reason, "range threads");
}

TEST_F(WatchTest, ProcessesThatHaveGoneAreForgotten) {
  watch({.rules = {rule("cpu > 80%")}, .most_an_hour = 1});
  for (uint64_t process = 0; process < 1000; ++process)
    read(cpu(1), process);
  EXPECT_EQ(watch_->processes(), 1U);
}

} // namespace
} // namespace pprofd
