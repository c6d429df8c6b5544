#include <gtest/gtest.h>

#include "daemon/log/log.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

constexpr auto kTime = std::chrono::system_clock::time_point(1'700'000'000'123ms);

TEST(LogLine, HasTimeLevelMessageAndFields) {
  EXPECT_EQ(log_line(LogLevel::kInfo, "window", {{"profiles", "12"}, {"empty", ""}}, kTime, false),
            "ts=2023-11-14T22:13:20.123Z level=info msg=window profiles=12");
}

TEST(LogLine, BeginsWithThePriorityForTheJournal) {
  EXPECT_EQ(log_line(LogLevel::kInfo, "a", {}, kTime, true), "<6>msg=a");
  EXPECT_EQ(log_line(LogLevel::kWarning, "a", {}, kTime, true), "<4>msg=a");
  EXPECT_EQ(log_line(LogLevel::kError, "a", {}, kTime, true), "<3>msg=a");
}

TEST(LogLine, QuotesWhatIsNotPlainSoThatALineStaysOne) {
  EXPECT_EQ(log_line(LogLevel::kInfo, "two words", {{"k", "a\"b\\c\nd\x1b=é"}}, kTime, true),
            "<6>msg=\"two words\" k=\"a\\\"b\\\\c\\nd\\x1b=é\"");
}

TEST(LogRate, LeavesOutWhatComesTooOftenAndSaysHowMany) {
  LogRate rate;
  const LogRate::Clock::time_point start{};
  for (unsigned n = 0; n < LogRate::kPerMinute; ++n)
    EXPECT_TRUE(rate.ask("a", start + n * 1s).write);
  for (unsigned n = 0; n < 7; ++n)
    EXPECT_FALSE(rate.ask("a", start + 20s).write);
  EXPECT_TRUE(rate.ask("b", start + 20s).write);
  const auto verdict = rate.ask("a", start + 60s);
  EXPECT_TRUE(verdict.write);
  EXPECT_EQ(verdict.left_out, 7U);
  EXPECT_EQ(rate.ask("a", start + 61s).left_out, 0U);
}

} // namespace
} // namespace pprofd
