#include <gtest/gtest.h>

#include "daemon/serve/store/layout.h"

namespace pprofd::serve {
namespace {

TEST(Layout, APathIsMadeOfTimeAndId) {
  EXPECT_EQ(file_path({1'795'317'600'000'000'001, 0xc0ffee}),
            "2026-11-22/03/1795317600000000001-0000000000c0ffee.pb.gz");
  EXPECT_EQ(hour_folder(0), "1970-01-01/00");
  EXPECT_EQ(hour_folder(INT64_MAX), "2262-04-11/23");
}

TEST(Layout, ANameIsReadBack) {
  const auto name = parse_file_name(file_name({kSecond, 0xfeed}));
  ASSERT_TRUE(name);
  EXPECT_EQ(name->time, kSecond);
  EXPECT_EQ(name->id, 0xfeedU);
}

TEST(Layout, AnHoursFolderIsReadBack) {
  for (const TimeNanos time : {TimeNanos{0}, 1'795'316'400 * kSecond, 1'709'164'800 * kSecond}) {
    const std::string name = hour_folder(time + kHour / 2);
    EXPECT_EQ(hour_of(name.substr(0, 10), name.substr(11)), time) << name;
  }
  EXPECT_FALSE(hour_of("2026-02-29", "00"));
  EXPECT_FALSE(hour_of("2026-02-28", "24"));
  EXPECT_FALSE(hour_of("9999-01-01", "00"));
  EXPECT_FALSE(hour_of("1969-12-31", "00"));
}

TEST(Layout, OtherNamesAreNone) {
  for (const char* name : {"", "-", ".pb.gz", "1.pb.gz", "1-.pb.gz", "-1-0000000000c0ffee.pb.gz",
                           "1-0000000000c0ffeg.pb.gz", "1-0000000000c0ffee.pb.gz.damaged",
                           "99999999999999999999-0000000000c0ffee.pb.gz",
                           "1-0000000000C0FFEE.pb.gz", "../1-0000000000c0ffee.pb.gz"})
    EXPECT_FALSE(parse_file_name(name)) << name;
  EXPECT_FALSE(is_day_folder("2026-11-2x"));
  EXPECT_FALSE(is_day_folder(".."));
  EXPECT_FALSE(is_hour_folder(".."));
  EXPECT_FALSE(parse_id("../../etc/passwd"));
}

} // namespace
} // namespace pprofd::serve
