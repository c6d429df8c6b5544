#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <numeric>

#include "daemon/profile/profile_builder.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

namespace proto = perftools::profiles;
using google::protobuf::util::MessageDifferencer;
using testing::ElementsAre;
using testing::HasSubstr;

Result<proto::Profile> merged(const std::vector<proto::Profile>& profiles) {
  std::vector<const proto::Profile*> pointers;
  for (const auto& profile : profiles)
    pointers.push_back(&profile);
  return merge(pointers);
}

std::vector<std::string> comments(const proto::Profile& profile) {
  std::vector<std::string> all;
  for (int64_t index : profile.comment())
    all.push_back(profile.string_table(static_cast<int>(index)));
  return all;
}

TEST(ProfileMerge, OneProfileStaysWhatItIs) {
  StackProfile p;
  p.stack({{"leaf"}, {"main"}}, 3, {{"tid", "", 7, "tid"}, {"thread", "w", 0, ""}});
  proto::Profile profile = p.finish();
  auto result = merged({profile});
  ASSERT_TRUE(result);
  EXPECT_TRUE(check_valid(*result));
  auto again = merged({*result});
  ASSERT_TRUE(again);
  EXPECT_TRUE(MessageDifferencer::Equals(*result, *again));
  EXPECT_EQ(result->sample_size(), 1);
  EXPECT_EQ(result->sample(0).label_size(), 2);
}

TEST(ProfileMerge, EqualSamplesAddUpAndOthersStandBesideThem) {
  StackProfile a, b;
  a.stack({{"leaf"}, {"main"}}, 3);
  a.stack({{"only_a"}, {"main"}}, 1);
  b.stack({{"main"}}, 2); // another order of functions and locations
  b.stack({{"leaf"}, {"main"}}, 4);
  b.stack({{"leaf"}, {"main"}}, 5, {{"tid", "", 1, "tid"}});
  auto result = merged({a.finish(), b.finish()});
  ASSERT_TRUE(result);
  EXPECT_TRUE(check_valid(*result));
  std::vector<int64_t> samples;
  for (const auto& sample : result->sample())
    samples.push_back(sample.value(0));
  // Line numbers of "leaf" differ between the two, so its locations do.
  EXPECT_EQ(std::accumulate(samples.begin(), samples.end(), int64_t{0}), 15);
}

proto::Profile at(uint64_t start, const std::string& build_id, const std::string& file) {
  ProfileBuilder builder(cpu_header());
  uint64_t mapping = builder.add_mapping({start, start + 0x2000, 0, file, build_id, false});
  uint64_t function = builder.add_function({"f", "", "", 0});
  std::array trace{
      builder.add_location(mapping, start + 0x10, std::array{LineInfo{function, 1, 0}})};
  builder.add_sample(trace, std::array<int64_t, 2>{1, 10}, {});
  return std::move(builder).finish();
}

TEST(ProfileMerge, TheSameExecutableElsewhereInMemoryIsTheSameMapping) {
  auto result = merged({at(0x10000, "abcd", "/a/lib.so"), at(0x70000, "abcd", "/b/lib.so")});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->mapping_size(), 1);
  EXPECT_EQ(result->location_size(), 1);
  ASSERT_EQ(result->sample_size(), 1);
  EXPECT_THAT(result->sample(0).value(), ElementsAre(2, 20));
  EXPECT_EQ(result->location(0).address(), 0x10010U);
  EXPECT_TRUE(check_valid(*result));
}

TEST(ProfileMerge, WithoutBuildIdsTheFileTellsMappingsApart) {
  EXPECT_EQ(merged({at(0x10000, "", "/a/lib.so"), at(0x70000, "", "/a/lib.so")})->mapping_size(),
            1);
  EXPECT_EQ(merged({at(0x10000, "", "/a/lib.so"), at(0x70000, "", "/b/lib.so")})->mapping_size(),
            2);
  EXPECT_EQ(
      merged({at(0x10000, "ab", "/a/lib.so"), at(0x70000, "cd", "/a/lib.so")})->mapping_size(), 2);
}

TEST(ProfileMerge, SamplesThatCancelOutLeaveNothingBehind) {
  StackProfile a;
  a.stack({{"gone"}, {"main"}}, 3);
  a.stack({{"main"}}, 1);
  proto::Profile positive = a.finish();
  proto::Profile negative = positive;
  negative.mutable_sample()->DeleteSubrange(1, 1);
  for (int64_t& value : *negative.mutable_sample(0)->mutable_value())
    value = -value;
  auto result = merged({positive, negative});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->sample_size(), 1);
  EXPECT_EQ(result->location_size(), 1);
  EXPECT_EQ(result->function_size(), 1);
  EXPECT_EQ(result->mapping_size(), 1);
  EXPECT_TRUE(check_valid(*result));
}

TEST(ProfileMerge, HeadersCombine) {
  ProfileHeader early = cpu_header(), late = cpu_header();
  late.time_nanos = early.time_nanos + 5;
  late.period = early.period + 1;
  ProfileBuilder a(late), b(early);
  a.add_comment("host", "x");
  a.add_comment("pid", "1");
  b.add_comment("host", "x");
  b.add_comment("pid", "2");
  auto result = merged({std::move(a).finish(), std::move(b).finish()});
  ASSERT_TRUE(result);
  EXPECT_EQ(result->time_nanos(), early.time_nanos);
  EXPECT_EQ(result->duration_nanos(), 2 * early.duration_nanos);
  EXPECT_EQ(result->period(), late.period);
  EXPECT_THAT(comments(*result), ElementsAre("host=x", "pid=1", "pid=2"));
  EXPECT_TRUE(check_valid(*result));
}

TEST(ProfileMerge, RefusesProfilesOfDifferentTypes) {
  ProfileHeader other = cpu_header();
  other.sample_types[1] = {"cpu", "microseconds"};
  auto types = merged({ProfileBuilder(cpu_header()).finish(), ProfileBuilder(other).finish()});
  ASSERT_FALSE(types);
  EXPECT_THAT(types.error().why,
              HasSubstr("samples/count, cpu/nanoseconds and samples/count, cpu/microseconds"));
  other = cpu_header();
  other.period_type = {"wall", "nanoseconds"};
  auto periods = merged({ProfileBuilder(cpu_header()).finish(), ProfileBuilder(other).finish()});
  ASSERT_FALSE(periods);
  EXPECT_THAT(periods.error().why, HasSubstr("cpu/nanoseconds and wall/nanoseconds"));
}

TEST(ProfileMerge, NothingCannotBeMerged) {
  EXPECT_FALSE(merge({}));
}

TEST(ProfileMerge, SparseIdsOfSomebodyElsesProfileAreRenumbered) {
  proto::Profile profile = at(0x10000, "ab", "x");
  profile.mutable_mapping(0)->set_id(7'000'000'000);
  profile.mutable_function(0)->set_id(8'000'000'000);
  profile.mutable_location(0)->set_id(9'000'000'000);
  profile.mutable_location(0)->set_mapping_id(7'000'000'000);
  profile.mutable_location(0)->mutable_line(0)->set_function_id(8'000'000'000);
  profile.mutable_sample(0)->set_location_id(0, 9'000'000'000);
  ASSERT_TRUE(check_consistent(profile));
  auto result = merged({profile});
  ASSERT_TRUE(result);
  EXPECT_TRUE(check_valid(*result));
}

TEST(ProfileMerger, OneAfterTheOtherIsAsAllAtOnce) {
  std::vector<proto::Profile> profiles;
  for (int i = 0; i < 20; i++) {
    StackProfile p;
    p.stack({{"leaf" + std::to_string(i % 3)}, {"main"}}, i + 1, {{"tid", "", i % 2 + 1, "tid"}});
    profiles.push_back(p.finish());
  }
  ProfileMerger merger;
  for (const auto& profile : profiles)
    ASSERT_TRUE(merger.add(profile));
  const size_t memory = merger.memory_bytes();
  for (const auto& profile : profiles)
    ASSERT_TRUE(merger.add(profile));
  EXPECT_EQ(merger.memory_bytes(), memory); // nothing new, nothing more
  const proto::Profile twice = std::move(merger).finish();
  auto once = merged(profiles);
  ASSERT_TRUE(once);
  EXPECT_TRUE(check_valid(twice));
  ASSERT_EQ(twice.sample_size(), once->sample_size());
  for (int i = 0; i < twice.sample_size(); i++)
    EXPECT_EQ(twice.sample(i).value(0), 2 * once->sample(i).value(0));
}

TEST(ProfileMerger, AProfileOfOtherTypesIsRefusedAndNothingOfItIsAdded) {
  StackProfile p;
  p.stack({{"leaf"}, {"main"}}, 1);
  ProfileHeader other = cpu_header();
  other.sample_types.back().first = "wall";
  other.default_sample_type = "wall";
  StackProfile q(other);
  q.stack({{"leaf"}, {"main"}}, 1);
  ProfileMerger merger;
  const proto::Profile first = p.finish();
  ASSERT_TRUE(merger.add(first));
  EXPECT_FALSE(merger.add(q.finish()));
  EXPECT_TRUE(MessageDifferencer::Equals(std::move(merger).finish(), *merged({first})));
}

} // namespace
} // namespace pprofd
