#include <gtest/gtest.h>

#include "daemon/profile/key_values.h"
#include "daemon/profile/rows/facts.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

using Labels = std::map<std::string, std::string>;

TEST(Facts, OfOurProfilesAreTheirComments) {
  StackProfile p;
  for (const auto& [key, value] : KeyValues{{"host", "node-1"},
                                            {"service", "checkout"},
                                            {"version", "1.2"},
                                            {"build_id", "abcd"},
                                            {"pid", "77"},
                                            {"comm", "app"},
                                            {"env", "a=b"},
                                            {"unit", "app.service"}})
    p.builder.add_comment(key, value);
  const RowFacts facts = facts_of(p.finish());
  EXPECT_EQ(facts.time_nanos, 1'800'000'000'000'000'000);
  EXPECT_EQ(facts.duration_nanos, 10'000'000'000);
  EXPECT_EQ(facts.host, "node-1");
  EXPECT_EQ(facts.service, "checkout");
  EXPECT_EQ(facts.version, "1.2");
  EXPECT_EQ(facts.build_id, "abcd");
  EXPECT_EQ(facts.pid, 77U);
  EXPECT_EQ(facts.comm, "app");
  EXPECT_EQ(facts.labels, (Labels{{"env", "a=b"}, {"unit", "app.service"}}));
}

// Counts, and what makes a series of each process.
TEST(Facts, WhatIsNoLabelIsLeftOut) {
  StackProfile p;
  for (const char* key :
       {"pprofd.version", "samples.taken", "stacks.complete", "frames.unsymbolized",
        "symbols.missing.no_symbol", "host.samples.dropped.unattributed", "start_time", "cgroup",
        "exe", "kernel", "trigger", "frequency"})
    p.builder.add_comment(key, "1");
  EXPECT_EQ(facts_of(p.finish()).labels, Labels{});
}

TEST(Facts, OfOthersProfilesAreTheProgramsOwn) {
  StackProfile p;
  const RowFacts facts = facts_of(p.finish());
  EXPECT_EQ(facts.service, "app");
  EXPECT_EQ(facts.comm, "app");
  EXPECT_EQ(facts.build_id, "c0ffee");
  EXPECT_EQ(facts.host, "");
  EXPECT_EQ(facts.pid, 0U);
}

TEST(Facts, AProfileMayHaveNothing) {
  perftools::profiles::Profile profile;
  profile.add_string_table("");
  profile.add_comment(profile.string_table_size());
  profile.add_string_table("a remark");
  const RowFacts facts = facts_of(profile);
  EXPECT_EQ(facts.service, "");
  EXPECT_EQ(facts.labels, Labels{});
}

} // namespace
} // namespace pprofd
