#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "daemon/profile/naming.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

namespace proto = perftools::profiles;

// Addresses only: two of a program and one of the kernel, in 3 and 5 samples.
proto::Profile raw_profile() {
  ProfileHeader header = cpu_header();
  header.symbolized = false;
  ProfileBuilder builder(header);
  const uint64_t app = builder.add_mapping(
      {.start = 0x400000, .limit = 0x500000, .file = "/usr/bin/app", .build_id = "c0ffee"});
  const uint64_t kernel = builder.add_mapping({.start = uint64_t{0xff} << 56,
                                               .limit = UINT64_MAX,
                                               .file = "[kernel.kallsyms]_stext",
                                               .build_id = {},
                                               .kernel = true});
  const std::array locations = {builder.add_location(app, 0x401000, {}),
                                builder.add_location(app, 0x402000, {}),
                                builder.add_location(kernel, uint64_t{0xff} << 56, {})};
  builder.add_sample(locations, std::array<int64_t, 2>{3, 30}, {});
  builder.add_sample(std::array{locations[1]}, std::array<int64_t, 2>{5, 50}, {});
  builder.add_comment("frames.unsymbolized", "14");
  builder.add_comment("symbols.missing.raw", "14");
  return std::move(builder).finish();
}

std::string text(const proto::Profile& profile, int64_t index) {
  return profile.string_table(static_cast<int>(index));
}

std::vector<std::string> comments(const proto::Profile& profile) {
  std::vector<std::string> all;
  for (const int64_t comment : profile.comment())
    all.push_back(text(profile, comment));
  return all;
}

TEST(ProfileNaming, FindsLocationsWithoutLinesInMappingsWithoutFunctions) {
  const proto::Profile profile = raw_profile();
  const auto nameless = nameless_mappings(profile);
  ASSERT_EQ(nameless.size(), 2U);
  EXPECT_EQ(nameless[0].mapping, 0);
  EXPECT_EQ(nameless[0].locations, (std::vector{0, 1}));
  EXPECT_EQ(nameless[1].locations, (std::vector{2}));
  StackProfile named;
  named.stack({{"f"}, {"main"}}, 1);
  EXPECT_TRUE(nameless_mappings(named.finish()).empty());
}

TEST(ProfileNaming, GivesLinesAndKeepsWhatTheProfileSaysOfItselfTrue) {
  proto::Profile profile = raw_profile();
  ProfileNaming naming(profile);
  const uint64_t inner = naming.add_function(
      {.name = "inner()", .system_name = "_Z5innerv", .file = "a.cc", .start_line = 7});
  const uint64_t outer = naming.add_function({.name = "outer", .system_name = {}, .file = "b.cc"});
  const uint64_t place = naming.add_function({.name = "app+0x2000", .system_name = {}, .file = {}});
  EXPECT_EQ((std::array{inner, outer, place}), (std::array<uint64_t, 3>{1, 2, 3}));
  EXPECT_EQ(naming.add_function({.name = "outer", .system_name = {}, .file = "b.cc"}), outer);
  naming.set_lines(0,
                   std::array{LineInfo{.function = inner, .line = 9, .column = 2},
                              LineInfo{.function = outer, .line = 4}},
                   true);
  naming.set_lines(1, std::array{LineInfo{.function = place}}, false);
  naming.finish();

  ASSERT_TRUE(check_consistent(profile));
  ASSERT_EQ(profile.location(0).line_size(), 2);
  EXPECT_EQ(profile.location(0).line(0).column(), 2);
  EXPECT_EQ(text(profile, profile.function(0).system_name()), "_Z5innerv");
  EXPECT_EQ(text(profile, profile.function(1).system_name()), "outer");
  const proto::Mapping& app = profile.mapping(0);
  EXPECT_TRUE(app.has_functions() && app.has_filenames() && app.has_line_numbers() &&
              app.has_inline_frames());
  EXPECT_FALSE(profile.mapping(1).has_functions());
  // One frame in three samples has got a name.
  EXPECT_EQ(comments(profile),
            (std::vector<std::string>{"frames.unsymbolized=11", "symbols.missing.raw=11"}));
}

TEST(ProfileNaming, AMappingHasFunctionsWhenAllItsLocationsHave) {
  proto::Profile profile = raw_profile();
  ProfileNaming naming(profile);
  naming.set_lines(0,
                   std::array{LineInfo{.function = naming.add_function(
                                           {.name = "f", .system_name = {}, .file = {}})}},
                   true);
  naming.finish();
  EXPECT_FALSE(profile.mapping(0).has_functions());
}

TEST(ProfileNaming, FunctionsOfOthersKeepTheirIds) {
  proto::Profile profile = raw_profile();
  proto::Function& theirs = *profile.add_function();
  theirs.set_id(2);
  theirs.set_name(profile.string_table_size());
  profile.add_string_table("theirs");
  ProfileNaming naming(profile);
  const uint64_t first = naming.add_function({.name = "first", .system_name = {}, .file = {}});
  const uint64_t second = naming.add_function({.name = "second", .system_name = {}, .file = {}});
  EXPECT_EQ((std::array{first, second}), (std::array<uint64_t, 2>{3, 4}));
  naming.finish();
  EXPECT_TRUE(check_consistent(profile));
}

TEST(ProfileNaming, ACommentThatCannotBeTrueStays) {
  proto::Profile profile = raw_profile();
  profile.set_comment(0, profile.string_table_size());
  profile.add_string_table("frames.unsymbolized=1");
  ProfileNaming naming(profile);
  naming.set_lines(0,
                   std::array{LineInfo{.function = naming.add_function(
                                           {.name = "f", .system_name = {}, .file = {}})}},
                   true);
  naming.finish();
  EXPECT_EQ(comments(profile),
            (std::vector<std::string>{"frames.unsymbolized=1", "symbols.missing.raw=11"}));
}

} // namespace
} // namespace pprofd
