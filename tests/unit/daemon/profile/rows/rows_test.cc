#include <gtest/gtest.h>

#include <sstream>

#include "daemon/profile/rows/rows.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

struct Written {
  std::vector<std::string> lines;
  std::vector<size_t> parts; // their sizes
};

Written written(const perftools::profiles::Profile& profile, const RowFacts& facts = {},
                int value_index = 1) {
  Written made;
  std::string text;
  RowWriter writer([&](std::string_view part) -> Result<void> {
    text += part;
    made.parts.push_back(part.size());
    return {};
  });
  EXPECT_TRUE(writer.add(profile, value_index, facts));
  EXPECT_TRUE(writer.finish());
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    made.lines.push_back(line);
  EXPECT_EQ(writer.rows(), made.lines.size());
  return made;
}

RowFacts facts() {
  return {.time_nanos = 1'795'317'600'000'000'005,
          .duration_nanos = 60'000'000'000,
          .host = "node/1",
          .service = "check \"out\"",
          .version = "1.2",
          .build_id = "c0ffee",
          .pid = 77,
          .comm = "app",
          .labels = {{"env", "prod"}}};
}

TEST(Rows, EveryColumnStandsInEachLine) {
  StackProfile p;
  p.stack({{"inlined", "leaf"}, {"main"}}, 2, {{"thread", "t1", 0, ""}, {"tid", "", 78, "tid"}});
  EXPECT_EQ(written(p.finish(), facts()).lines,
            std::vector<std::string>{
                R"({"time":"2026-11-22 03:20:00.000000005","duration":60000000000,"type":"cpu",)"
                R"("unit":"nanoseconds","host":"node/1","service":"check \"out\"","version":"1.2",)"
                R"("build_id":"c0ffee","pid":77,"comm":"app","labels":{"env":"prod","thread":"t1",)"
                R"("tid":"78"},"value":20202020,"stack":["inlined","leaf","main"]})"});
}

TEST(Rows, WhatIsNotKnownIsEmpty) {
  StackProfile p;
  p.stack({{"main"}}, 1);
  EXPECT_EQ(written(p.finish()).lines,
            std::vector<std::string>{
                R"({"time":"1970-01-01 00:00:00.000000000","duration":0,"type":"cpu",)"
                R"("unit":"nanoseconds","host":"","service":"","version":"","build_id":"",)"
                R"("pid":0,"comm":"","labels":{},"value":10101010,"stack":["main"]})"});
}

TEST(Rows, ATimeBefore1970IsThatTime) {
  StackProfile p;
  p.stack({{"main"}}, 1);
  RowFacts early;
  early.time_nanos = -1;
  EXPECT_TRUE(written(p.finish(), early)
                  .lines.front()
                  .starts_with(R"({"time":"1969-12-31 23:59:59.999999999")"));
}

TEST(Rows, TheValueIsChosenAndNoughtsAreLeftOut) {
  StackProfile p;
  p.stack({{"idle"}}, 0);
  p.stack({{"main"}}, 3);
  const auto lines = written(p.finish(), {}, 0).lines;
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines.front().find(R"("type":"samples","unit":"count")"), std::string::npos);
  EXPECT_NE(lines.front().find(R"("value":3,)"), std::string::npos);
}

TEST(Rows, AMergedProfilesProcessesAreColumns) {
  StackProfile p;
  p.stack({{"main"}}, 1, {{"pid", "", 5, "pid"}, {"comm", "nginx", 0, ""}});
  const auto lines = written(p.finish(), facts()).lines;
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines.front().find(R"("pid":5,"comm":"nginx","labels":{"env":"prod"},)"),
            std::string::npos)
      << lines.front();
}

// Engines refuse a table of labels that has a name twice.
TEST(Rows, ALabelStandsOnceTheSamplesFirst) {
  StackProfile p;
  p.stack({{"main"}}, 1, {{"env", "canary", 0, ""}});
  const auto lines = written(p.finish(), facts()).lines;
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines.front().find(R"("labels":{"env":"canary"})"), std::string::npos);
}

TEST(Rows, AFrameWithoutANameIsItsPlace) {
  perftools::profiles::Profile profile;
  for (const char* text : {"", "cpu", "nanoseconds", "/usr/bin/app"})
    profile.add_string_table(text);
  profile.add_sample_type()->set_type(1);
  auto& mapping = *profile.add_mapping();
  mapping.set_id(3);
  mapping.set_memory_start(0x5000);
  mapping.set_file_offset(0x1000);
  mapping.set_filename(3);
  for (const uint64_t id : {uint64_t{7}, uint64_t{8}}) {
    auto& location = *profile.add_location();
    location.set_id(id);
    location.set_mapping_id(id == 7 ? 3 : 0);
    location.set_address(0x5010);
  }
  auto& sample = *profile.add_sample();
  sample.add_location_id(7);
  sample.add_location_id(8);
  sample.add_value(1);
  const auto lines = written(profile, {}, 0).lines;
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines.front().find(R"("stack":["app+0x1010","[unknown]+0x5010"])"), std::string::npos)
      << lines.front();
}

TEST(Rows, AStackMayBeEmpty) {
  StackProfile p;
  p.stack({}, 1);
  EXPECT_NE(written(p.finish()).lines.front().find(R"("stack":[]})"), std::string::npos);
}

TEST(Rows, PartsAreWholeLinesOfAFewMegabytes) {
  StackProfile p;
  for (int i = 0; i < 3'000; ++i)
    p.stack({{std::string(3'000, 'x') + std::to_string(i)}}, 1);
  const Written made = written(p.finish());
  EXPECT_EQ(made.lines.size(), 3'000U);
  ASSERT_GE(made.parts.size(), 2U);
  size_t whole = 0; // bytes of the lines that the first part must have, with their ends
  size_t line = 0;
  while (whole < made.parts.front())
    whole += made.lines.at(line++).size() + 1;
  EXPECT_EQ(whole, made.parts.front());
  for (const size_t part : made.parts)
    EXPECT_LT(part, size_t{5} << 20);
}

TEST(Rows, TheSinksFailureEndsIt) {
  StackProfile p;
  for (int i = 0; i < 3'000; ++i)
    p.stack({{std::string(3'000, 'x') + std::to_string(i)}}, 1);
  RowWriter writer([](std::string_view) { return fail("write", "the disk is full"); });
  const auto added = writer.add(p.finish(), 1, {});
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().why, "the disk is full");
}

} // namespace
} // namespace pprofd
