#include <gtest/gtest.h>

#include "daemon/cli/table/values.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

TEST(ParseDuration, ReadsEveryForm) {
  const std::vector<std::pair<std::string, nanoseconds>> cases = {
      {"10", 10s},   {"10s", 10s}, {"1500ms", 1500ms}, {"2m", 120s},
      {"1h", 3600s}, {"0", 0s},    {"007", 7s},
  };
  for (const auto& [text, expected] : cases) {
    const auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().why;
    EXPECT_EQ(*parsed, expected) << text;
  }
}

TEST(ParseDuration, RefusesWhatMakesNoSenseAndSaysWhy) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "not a time"},
      {"s", "not a time"},
      {"ten", "not a time"},
      {"10x", "'x' is not a unit of time"},
      {"10 s", "' s' is not a unit of time"},
      {"10S", "'S' is not a unit of time"},
      {"10d", "'d' is not a unit of time"},
      {"1.5s", "not a whole number"},
      {"-1", "must not be negative"},
      {"-5s", "must not be negative"},
      {"--5", "not a whole number"},
      {"+5", "not a time"},
      {"5-5", "not a whole number"},
      {"0x10", "'x10' is not a unit of time"},
      {"99999999999999999999", "the number is too large"},
      {"9223372037", "the number is too large"},
      {"18446744073709551615h", "the number is too large"},
  };
  for (const auto& [text, why] : cases) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().why, why) << text;
  }
}

TEST(ParseDuration, TakesTheLongestTimeThatNanosecondsHold) {
  EXPECT_EQ(parse_duration("9223372036"), nanoseconds(9'223'372'036s));
}

TEST(ParseUnsigned, ReadsDigitsOnly) {
  EXPECT_EQ(parse_unsigned("0"), 0U);
  EXPECT_EQ(parse_unsigned("18446744073709551615"), UINT64_MAX);
  for (const char* text : {"", "-", "+1", " 1", "1 ", "0x1", "1e9", "1_000", "-0x1"})
    EXPECT_FALSE(parse_unsigned(text)) << text;
  EXPECT_EQ(parse_unsigned("18446744073709551616").error().why, "the number is too large");
  EXPECT_EQ(parse_unsigned("-3").error().why, "must not be negative");
}

TEST(DurationText, RoundTripsThroughParseDuration) {
  for (const nanoseconds time : {nanoseconds(1ms), nanoseconds(1s), nanoseconds(90s),
                                 nanoseconds(2min), nanoseconds(168h), nanoseconds(1500ms)})
    EXPECT_EQ(parse_duration(duration_text(time)), time) << duration_text(time);
  EXPECT_EQ(duration_text(1500ms), "1500ms");
  EXPECT_EQ(duration_text(168h), "168h");
}

TEST(ParseValues, SplitsACommaListAndChecksEachPart) {
  const OptionSpec option = {.name = "pid",
                             .type = OptionType::kUnsigned,
                             .argument = "PID",
                             .min = 1,
                             .max = 100,
                             .comma_list = true};
  EXPECT_EQ(parse_values(option, "1,2,3")->size(), 3U);
  for (const char* text : {"", ",", "1,", ",1", "1,,2", "1,x", "0", "1,101"})
    EXPECT_FALSE(parse_values(option, text)) << text;
  EXPECT_EQ(parse_values(option, "1,101").error().why, "too high, must be 1 to 100");
}

TEST(ParseValues, KeepsCommasWhereThereIsNoList) {
  const OptionSpec option = {.name = "comm", .type = OptionType::kText, .argument = "NAME"};
  const auto values = parse_values(option, "a,b");
  ASSERT_TRUE(values);
  ASSERT_EQ(values->size(), 1U);
  EXPECT_EQ(std::get<std::string>(values->front()), "a,b");
}

} // namespace
} // namespace pprofd
