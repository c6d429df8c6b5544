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
      {"10w", "'w' is not a unit of time"},
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

TEST(ParseBytes, ReadsEveryUnit) {
  const std::vector<std::pair<std::string, uint64_t>> cases = {
      {"0", 0},
      {"17", 17},
      {"17B", 17},
      {"3kB", 3'000},
      {"200MB", 200'000'000},
      {"2GB", 2'000'000'000},
      {"1KiB", 1024},
      {"64MiB", 64U << 20},
      {"1TiB", uint64_t{1} << 40},
  };
  for (const auto& [text, expected] : cases) {
    const auto parsed = parse_bytes(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().why;
    EXPECT_EQ(*parsed, expected) << text;
  }
  for (const char* text :
       {"", "MB", "1.5GB", "-1", "1mb", "1 MB", "99999999999999999999TB", "18446744073709551615kB"})
    EXPECT_FALSE(parse_bytes(text)) << text;
  for (const uint64_t bytes : {uint64_t{0}, uint64_t{1}, uint64_t{1536}, uint64_t{200'000'000},
                               uint64_t{64} << 20, UINT64_MAX})
    EXPECT_EQ(parse_bytes(bytes_text(bytes)), bytes);
  EXPECT_EQ(bytes_text(64'000'000), "64MB");
}

TEST(ParsePercent, ReadsUpToTwoDecimals) {
  EXPECT_EQ(parse_percent("2%"), 200U);
  EXPECT_EQ(parse_percent("0.5%"), 50U);
  EXPECT_EQ(parse_percent("0.05%"), 5U);
  EXPECT_EQ(parse_percent("400%"), 40'000U);
  for (const char* text : {"", "%", "2", "2 %", ".5%", "1.%", "1.234%", "-1%", "1.-5%", "1e2%",
                           "99999999999999999999%"})
    EXPECT_FALSE(parse_percent(text)) << text;
  for (const uint64_t hundredths : {0U, 5U, 50U, 200U, 1234U})
    EXPECT_EQ(parse_percent(percent_text(hundredths)), hundredths);
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
  EXPECT_EQ(duration_text(168h), "7d");
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
