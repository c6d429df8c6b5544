#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "daemon/ship/backends/objects.h"
#include "tests/unit/daemon/ship/window.h"

namespace pprofd::ship {
namespace {

using testing::HasSubstr;
using testing::Not;

serve::ShipTarget rows_target() {
  serve::ShipTarget made;
  made.set_rows(true);
  return made;
}

serve::WindowProfile numbered(uint64_t id, int64_t after = 0) {
  serve::WindowProfile made = window();
  made.set_id(id);
  made.set_time_nanos(made.time_nanos() + after);
  return made;
}

TEST(Objects, AProfileIsPartitionedByTimeAndHostAndNamedById) {
  serve::ShipTarget target;
  target.set_compress(true);
  const std::array profiles = {numbered(1), numbered(0xabc)};
  const auto objects = objects_of(target, profiles);
  ASSERT_TRUE(objects && objects->size() == 2);
  EXPECT_EQ((*objects)[1].name,
            "date=2026-11-22/hour=03/host=node%2F1/1795317600000000000-0000000000000abc.pb.gz");
  EXPECT_EQ((*objects)[1].bytes, profiles[1].profile());
  target.set_compress(false);
  EXPECT_TRUE(objects_of(target, profiles)->front().name.ends_with("0001.pb"));
}

TEST(Objects, ABatchIsATableOfAllItsProfiles) {
  const std::array profiles = {numbered(1), numbered(2), numbered(0xabc)};
  const auto objects = objects_of(rows_target(), profiles);
  ASSERT_TRUE(objects && objects->size() == 1);
  EXPECT_EQ(objects->front().name, "date=2026-11-22/hour=03/host=node%2F1/"
                                   "1795317600000000000-0000000000000001-0000000000000abc.jsonl");
  EXPECT_EQ(std::ranges::count(objects->front().bytes, '\n'), 6) << "two threads of each";
}

TEST(Objects, RowsSayWhatIsKnownOfTheProfile) {
  auto profile = numbered(1);
  for (const auto& [name, value] : {std::pair("version", "1.2"), std::pair("comm", "app"),
                                    std::pair("build_id", "abcd"), std::pair("exe", "/app")})
    (*profile.mutable_labels())[name] = value;
  const std::string rows = objects_of(rows_target(), {&profile, 1})->front().bytes;
  EXPECT_EQ(rows.substr(0, rows.find('\n')),
            R"({"time":"2026-11-22 03:20:00.000000000","duration":60000000000,"type":"cpu",)"
            R"("unit":"nanoseconds","host":"node/1","service":"check out","version":"1.2",)"
            R"("build_id":"abcd","pid":77,"comm":"app",)"
            R"("labels":{"env":"a=b, c","thread":"t3","tid":"103"},"value":30000000,)"
            R"("stack":["entry","work","main"]})");
}

TEST(Objects, ATargetsLabelsAreItsOwn) {
  auto target = rows_target();
  (*target.mutable_labels())["stage"] = "env";
  (*target.mutable_labels())["version"] = "env"; // a column
  const auto profile = numbered(1);
  const std::string rows = objects_of(target, {&profile, 1})->front().bytes;
  EXPECT_THAT(rows, HasSubstr(R"("labels":{"stage":"a=b, c","thread")"));
}

TEST(Objects, AnotherHourIsAnotherObject) {
  constexpr int64_t kForty = int64_t{40} * 60 * 1'000'000'000;
  const std::array profiles = {numbered(1), numbered(2, kForty), numbered(3)};
  const auto objects = objects_of(rows_target(), profiles);
  ASSERT_TRUE(objects && objects->size() == 2);
  EXPECT_THAT(objects->front().name, HasSubstr("hour=03/"));
  EXPECT_TRUE(objects->front().name.ends_with("0001-0000000000000003.jsonl"));
  EXPECT_THAT(objects->back().name, HasSubstr("hour=04/"));
  EXPECT_TRUE(objects->back().name.ends_with("0002-0000000000000002.jsonl"));
}

TEST(Objects, TheSameProfilesAreTheSameObject) {
  auto target = rows_target();
  target.set_compress(true);
  target.set_zstd(true);
  const std::array profiles = {numbered(1), numbered(2)};
  const auto once = objects_of(target, profiles);
  const auto again = objects_of(target, profiles);
  ASSERT_TRUE(once && again);
  EXPECT_TRUE(once->front().name.ends_with(".jsonl.zst"));
  EXPECT_EQ(once->front().name, again->front().name);
  EXPECT_EQ(once->front().bytes, again->front().bytes);
}

TEST(Objects, WithoutSamplesThereIsNone) {
  const auto nothing = window_of(ProfileBuilder(window_header()), 0);
  EXPECT_TRUE(objects_of(rows_target(), {&nothing, 1})->empty());
}

TEST(Objects, WhatIsNoProfileFails) {
  auto profile = numbered(1);
  profile.set_profile("no profile");
  EXPECT_FALSE(objects_of(rows_target(), {&profile, 1}));
}

TEST(Objects, AHostWithoutANameHasAFolder) {
  auto profile = numbered(1);
  profile.mutable_labels()->erase("host");
  const auto objects = objects_of(rows_target(), {&profile, 1});
  EXPECT_THAT(objects->front().name, HasSubstr("/host=unknown/"));
  EXPECT_THAT(objects->front().bytes, Not(HasSubstr("unknown")));
}

} // namespace
} // namespace pprofd::ship
