#include <gtest/gtest.h>

#include <random>

#include "daemon/serve/api/parameters.h"

namespace pprofd::serve {
namespace {

constexpr TimeNanos kNow = 1'795'317'600 * kSecond; // 2026-11-22T03:20:00Z

TEST(Time, IsReadInEachOfItsForms) {
  const std::pair<const char*, TimeNanos> cases[] = {
      {"now", kNow},
      {"-1h", kNow - 3600 * kSecond},
      {"-1h30m", kNow - 5400 * kSecond},
      {"-7d", kNow - 7 * 86'400 * kSecond},
      {"-250ms", kNow - kSecond / 4},
      {"0", 0},
      {"1795317600", kNow},
      {"1795317600.5", kNow + kSecond / 2},
      {"2026-11-22T03:20:00Z", kNow},
      {"2026-11-22T03:20:00.25Z", kNow + kSecond / 4},
      {"2026-11-22T05:20:00+02:00", kNow},
      {"2026-11-21T23:20:00-04:00", kNow},
      {"-999w", kNow - 999 * 7 * 86'400 * kSecond},
      {"-9999w", 0},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(parse_time(text, kNow).value_or(-1), expected) << text;
}

TEST(Time, WhatIsNoneIsRefused) {
  for (const char* text : {"",
                           "-",
                           "h",
                           "-h",
                           "-1",
                           "-1y",
                           "1e9",
                           "nan",
                           "inf",
                           "99999999999",
                           "2026-11-22",
                           "2026-11-22T03:20:00",
                           "2026-02-30T00:00:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-11-22T24:00:00Z",
                           "1969-12-31T23:59:59Z",
                           "2026-11-22T03:20:00.Z",
                           "2026-11-22T03:20:00Zx",
                           "-99999999999999999h",
                           "-1h-1h",
                           "12:00",
                           "+5",
                           "0x10",
                           "../x"})
    EXPECT_FALSE(parse_time(text, kNow)) << text;
}

TEST(Time, ProfefesFormIsReadAndWritten) {
  std::mt19937_64 random(2);
  for (int round = 0; round < 2000; round++) {
    const TimeNanos time = static_cast<TimeNanos>(random() % 9'000'000'000) * kSecond;
    EXPECT_EQ(parse_plain_time(plain_time_text(time)).value_or(-1), time);
  }
  EXPECT_EQ(plain_time_text(kNow), "2026-11-22T03:20:00");
  EXPECT_FALSE(parse_plain_time("2026-11-22T03:20:00Z"));
}

TEST(LabelList, NamesAndValuesAreRead) {
  EXPECT_EQ(parse_labels("a=1,b=x=y,,c=").value(), (Labels{{"a", "1"}, {"b", "x=y"}, {"c", ""}}));
  EXPECT_EQ(parse_labels("").value(), Labels{});
  EXPECT_EQ(parse_labels("a%2Cb=c%3Dd", Escaping::kPercent).value(), (Labels{{"a,b", "c=d"}}));
  EXPECT_FALSE(parse_labels("a"));
  EXPECT_FALSE(parse_labels("=a"));
  EXPECT_FALSE(parse_labels("a=%", Escaping::kPercent));
  std::string many;
  for (int i = 0; i < 100; i++)
    many += "l" + std::to_string(i) + "=1,";
  EXPECT_FALSE(parse_labels(many));
}

TEST(Selector, HasDefaultsAndItsOwnErrors) {
  const auto plain = parse_selector(*Query::parse(""), kNow);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->from, kNow - 3600 * kSecond);
  EXPECT_EQ(plain->to, kNow);
  EXPECT_EQ(plain->type, "cpu");
  EXPECT_FALSE(parse_selector(*Query::parse("from=now&to=-1h"), kNow));
  EXPECT_FALSE(parse_selector(*Query::parse("from=yesterday"), kNow));
  EXPECT_EQ(plain->triggered, Triggered::kByLabel);
  EXPECT_EQ(parse_selector(*Query::parse("triggered=only"), kNow)->triggered, Triggered::kOnly);
  EXPECT_FALSE(parse_selector(*Query::parse("triggered=yes"), kNow));
  EXPECT_EQ(parse_count(*Query::parse("limit=7"), "limit", 1, 1, 10).value(), 7U);
  EXPECT_EQ(parse_count(*Query::parse(""), "limit", 3, 1, 10).value(), 3U);
  for (const char* wrong :
       {"limit=0", "limit=11", "limit=-1", "limit=1x", "limit=99999999999999999999"})
    EXPECT_FALSE(parse_count(*Query::parse(wrong), "limit", 1, 1, 10)) << wrong;
}

TEST(Parameters, AnyBytesAreReadWithoutHarm) {
  std::mt19937 random(4);
  constexpr std::string_view kBytes = "-0123456789hmsdwTZ:.+,=%nowa \xff";
  for (int round = 0; round < 100'000; round++) {
    std::string text(random() % 30, ' ');
    for (char& c : text)
      c = kBytes[random() % kBytes.size()];
    if (const auto time = parse_time(text, kNow)) {
      EXPECT_GE(*time, 0) << text;
    }
    [[maybe_unused]] const auto labels = parse_labels(text, Escaping::kPercent);
    if (const auto seconds = parse_seconds(text)) {
      EXPECT_GE(*seconds, 0) << text;
    }
  }
}

} // namespace
} // namespace pprofd::serve
