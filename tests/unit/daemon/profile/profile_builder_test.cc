#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "daemon/profile/profile_builder.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

namespace proto = perftools::profiles;
using testing::ElementsAre;

std::string why(const Result<void>& result) {
  return result ? "" : result.error().why;
}

const std::string& text(const proto::Profile& profile, int64_t index) {
  return profile.string_table(static_cast<int>(index));
}

const proto::Mapping& mapping_named(const proto::Profile& profile, std::string_view file) {
  for (const auto& mapping : profile.mapping())
    if (text(profile, mapping.filename()) == file)
      return mapping;
  throw std::out_of_range("no such mapping");
}

TEST(ProfileBuilder, AnEmptyProfileIsValid) {
  EXPECT_EQ(why(check_valid(ProfileBuilder(cpu_header()).finish())), "");
}

TEST(ProfileBuilder, WritesTheHeaderAsGiven) {
  proto::Profile profile = ProfileBuilder(cpu_header()).finish();
  ASSERT_EQ(profile.sample_type_size(), 2);
  EXPECT_EQ(text(profile, profile.sample_type(0).type()), "samples");
  EXPECT_EQ(text(profile, profile.sample_type(0).unit()), "count");
  EXPECT_EQ(text(profile, profile.sample_type(1).type()), "cpu");
  EXPECT_EQ(text(profile, profile.sample_type(1).unit()), "nanoseconds");
  EXPECT_EQ(text(profile, profile.period_type().type()), "cpu");
  EXPECT_EQ(profile.period(), 10'101'010);
  EXPECT_EQ(profile.time_nanos(), 1'800'000'000'000'000'000);
  EXPECT_EQ(profile.duration_nanos(), 10'000'000'000);
  EXPECT_EQ(text(profile, profile.default_sample_type()), "cpu");
  EXPECT_EQ(text(profile, profile.doc_url()), "https://example.com/doc");
}

TEST(ProfileBuilder, TheLastTypeIsTheDefaultWhereNoneIsGiven) {
  ProfileHeader header = cpu_header();
  header.default_sample_type.clear();
  proto::Profile profile = ProfileBuilder(header).finish();
  EXPECT_EQ(text(profile, profile.default_sample_type()), "cpu");
}

TEST(ProfileBuilder, RefusesAHeaderThatReadersRefuse) {
  auto broken = [](auto change) {
    ProfileHeader header = cpu_header();
    change(header);
    return header;
  };
  for (const ProfileHeader& header :
       {broken([](auto& h) { h.sample_types.clear(); }),
        broken([](auto& h) { h.sample_types[0].first = "off-cpu"; }),
        broken([](auto& h) { h.sample_types[0].first = "a.b"; }),
        broken([](auto& h) { h.default_sample_type = "wall"; }),
        broken([](auto& h) { h.period = 0; }), broken([](auto& h) { h.time_nanos = 0; }),
        broken([](auto& h) { h.period_type = {}; })})
    EXPECT_THROW(ProfileBuilder{header}, std::invalid_argument);
}

TEST(ProfileBuilder, StoresEqualEntriesOnceAndNumbersThemFromOne) {
  ProfileBuilder builder(cpu_header());
  MappingInfo app{0x1000, 0x2000, 0, "/bin/app", "ab", false};
  MappingInfo lib{0x7000, 0x9000, 0x1000, "/lib/x.so", "cd", false};
  EXPECT_EQ(builder.add_mapping(app), 1U);
  EXPECT_EQ(builder.add_mapping(lib), 2U);
  EXPECT_EQ(builder.add_mapping(app), 1U);
  EXPECT_EQ(builder.add_function({"f", "_Z1fv", "f.cc", 3}), 1U);
  EXPECT_EQ(builder.add_function({"f", "_Z1fv", "f.cc", 4}), 2U);
  EXPECT_EQ(builder.add_function({"f", "_Z1fv", "f.cc", 3}), 1U);
  std::array line{LineInfo{1, 7, 0}};
  std::array other{LineInfo{2, 7, 0}};
  EXPECT_EQ(builder.add_location(1, 0x1010, line), 1U);
  EXPECT_EQ(builder.add_location(1, 0x1010, other), 2U);
  EXPECT_EQ(builder.add_location(1, 0x1010, line), 1U);
  EXPECT_EQ(builder.add_location(2, 0x7010, line), 3U);
  proto::Profile profile = std::move(builder).finish();
  EXPECT_EQ(profile.mapping_size(), 2);
  EXPECT_EQ(profile.function_size(), 2);
  EXPECT_EQ(profile.location_size(), 3);
  EXPECT_EQ(why(check_valid(profile)), "");
}

TEST(ProfileBuilder, AddsUpSamplesWithTheSameTraceAndLabels) {
  StackProfile p;
  std::vector<Label> thread{{"tid", "", 7, "tid"}, {"thread", "worker", 0, ""}};
  std::vector<Label> reversed{thread[1], thread[0]};
  std::vector<Label> other{{"tid", "", 8, "tid"}, {"thread", "worker", 0, ""}};
  p.stack({{"leaf"}, {"main"}}, 3, thread);
  p.stack({{"leaf"}, {"main"}}, 4, reversed);
  p.stack({{"leaf"}, {"main"}}, 5, other);
  p.stack({{"main"}}, 6, thread);
  proto::Profile profile = p.finish();
  ASSERT_EQ(profile.sample_size(), 3);
  EXPECT_THAT(profile.sample(0).value(), ElementsAre(7, 70'707'070));
  EXPECT_THAT(profile.sample(1).value(), ElementsAre(5, 50'505'050));
  EXPECT_THAT(profile.sample(2).value(), ElementsAre(6, 60'606'060));
  EXPECT_EQ(why(check_valid(profile)), "");
}

TEST(ProfileBuilder, SumsStopAtTheEndOfTheirRange) {
  ProfileBuilder builder(cpu_header());
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  builder.add_sample({}, std::array<int64_t, 2>{kMost, 1}, {});
  builder.add_sample({}, std::array<int64_t, 2>{1, 1}, {});
  EXPECT_THAT(std::move(builder).finish().sample(0).value(), ElementsAre(kMost, 2));
}

TEST(ProfileBuilder, TheMainExecutableIsFirstEvenIfTheKernelCameFirst) {
  ProfileBuilder builder(cpu_header());
  uint64_t kernel = builder.add_mapping(
      {0xffff'ffff'8000'0000, 0xffff'ffff'9000'0000, 0, "[kernel.kallsyms]_text", "", true});
  uint64_t app = builder.add_mapping({0x1000, 0x2000, 0, "/bin/app", "", false});
  uint64_t lib = builder.add_mapping({0x3000, 0x4000, 0, "/lib/x.so", "", false});
  std::array trace{builder.add_location(kernel, 0xffff'ffff'8000'0010, {}),
                   builder.add_location(lib, 0x3010, {}), builder.add_location(app, 0x1010, {})};
  builder.add_sample(trace, std::array<int64_t, 2>{1, 1}, {});
  proto::Profile profile = std::move(builder).finish();
  EXPECT_EQ(why(check_valid(profile)), "");
  EXPECT_EQ(text(profile, profile.mapping(0).filename()), "/bin/app");
  std::vector<std::string> files;
  for (uint64_t id : profile.sample(0).location_id()) {
    const auto& location = profile.location(static_cast<int>(id) - 1);
    const auto& mapping = profile.mapping(static_cast<int>(location.mapping_id()) - 1);
    files.push_back(text(profile, mapping.filename()));
  }
  EXPECT_THAT(files, ElementsAre("[kernel.kallsyms]_text", "/lib/x.so", "/bin/app"));
}

TEST(ProfileBuilder, AKernelThreadKeepsTheKernelFirst) {
  ProfileBuilder builder(cpu_header());
  builder.add_mapping({0x8000, 0x9000, 0, "[kernel.kallsyms]", "", true});
  proto::Profile profile = std::move(builder).finish();
  EXPECT_EQ(text(profile, profile.mapping(0).filename()), "[kernel.kallsyms]");
}

TEST(ProfileBuilder, EachMappingSaysWhatIsKnownOfItAndNoMore) {
  ProfileBuilder builder(cpu_header());
  auto add = [&](uint64_t start, const char* file) {
    return builder.add_mapping({start, start + 0x1000, 0, file, "", false});
  };
  uint64_t with_inlines = add(0x1000, "inlines");
  uint64_t with_lines = add(0x2000, "lines");
  uint64_t with_names = add(0x3000, "names");
  uint64_t named = builder.add_function({"named", "", "", 0});
  uint64_t in_file = builder.add_function({"in_file", "", "f.c", 0});
  builder.add_location(with_inlines, 0x1001,
                       std::array{LineInfo{in_file, 3, 1}, LineInfo{in_file, 9, 0}});
  builder.add_location(with_lines, 0x2001, std::array{LineInfo{named, 3, 0}});
  builder.add_location(with_names, 0x3001, std::array{LineInfo{named, 0, 0}});
  proto::Profile profile = std::move(builder).finish();
  EXPECT_EQ(why(check_valid(profile)), "");
  auto flags = [&](const char* file) {
    const auto& m = mapping_named(profile, file);
    return std::array{m.has_functions(), m.has_filenames(), m.has_line_numbers(),
                      m.has_inline_frames()};
  };
  EXPECT_THAT(flags("inlines"), ElementsAre(true, true, true, true));
  EXPECT_THAT(flags("lines"), ElementsAre(true, false, true, false));
  EXPECT_THAT(flags("names"), ElementsAre(true, false, false, false));
}

TEST(ProfileBuilder, AFrameWithoutASymbolIsAFunctionThatSaysWhereItIs) {
  ProfileBuilder builder(cpu_header());
  uint64_t lib = builder.add_mapping({0x7000, 0x9000, 0x3000, "/usr/lib/libx.so.1", "", false});
  builder.add_location(lib, 0x7abc, {});
  builder.add_location(0, 0xbeef, {});
  proto::Profile profile = std::move(builder).finish();
  EXPECT_EQ(why(check_valid(profile)), "");
  ASSERT_EQ(profile.function_size(), 2);
  EXPECT_EQ(text(profile, profile.function(0).name()), "libx.so.1+0x3abc");
  EXPECT_EQ(text(profile, profile.function(0).system_name()), "libx.so.1+0x3abc");
  EXPECT_EQ(text(profile, profile.function(1).name()), "[unknown]+0xbeef");
  EXPECT_TRUE(mapping_named(profile, "[unknown]").has_functions());
}

TEST(ProfileBuilder, AnAddressOutsideItsMappingBelongsToTheUnknownOne) {
  ProfileBuilder builder(cpu_header());
  uint64_t app = builder.add_mapping({0x1000, 0x2000, 0, "/bin/app", "", false});
  builder.add_location(app, 0x2000, {});
  builder.add_location(app, std::numeric_limits<uint64_t>::max(), {});
  proto::Profile profile = std::move(builder).finish();
  EXPECT_EQ(why(check_valid(profile)), "");
  EXPECT_EQ(text(profile, profile.mapping(0).filename()), "/bin/app");
  EXPECT_EQ(profile.location(0).mapping_id(), 2U);
  EXPECT_EQ(profile.location(1).mapping_id(), 2U);
}

TEST(ProfileBuilder, ARawProfileHasAddressesAndBuildIdsOnly) {
  ProfileHeader header = cpu_header();
  header.symbolized = false;
  ProfileBuilder builder(header);
  uint64_t app = builder.add_mapping({0x1000, 0x2000, 0, "/bin/app", "AB12", false});
  builder.add_location(app, 0x1010, std::array{LineInfo{1, 2, 3}});
  proto::Profile profile = std::move(builder).finish();
  EXPECT_EQ(why(check_valid(profile)), "");
  EXPECT_EQ(profile.function_size(), 0);
  EXPECT_EQ(profile.location(0).line_size(), 0);
  EXPECT_FALSE(profile.mapping(0).has_functions());
  EXPECT_EQ(text(profile, profile.mapping(0).build_id()), "ab12");
}

TEST(ProfileBuilder, ABuildIdThatIsNoneIsLeftOut) {
  ProfileBuilder builder(cpu_header());
  builder.add_mapping({0x1000, 0x2000, 0, "/bin/app", "not hex", false});
  EXPECT_EQ(std::move(builder).finish().mapping(0).build_id(), 0);
}

TEST(ProfileBuilder, LabelsAreTextOrNumbersWithUnits) {
  ProfileBuilder builder(cpu_header());
  std::vector<Label> labels{{"thread", "main", 0, ""},   {"tid", "", 0, "tid"},
                            {"bytes", "", 5, ""},        {"absent", "", 0, ""},
                            {"thread", "second", 0, ""}, {"pprof::base", "true", 0, ""},
                            {"", "keyless", 0, ""}};
  builder.add_sample({}, std::array<int64_t, 2>{1, 1}, labels);
  proto::Profile profile = std::move(builder).finish();
  EXPECT_EQ(why(check_valid(profile)), "");
  std::vector<std::string> found;
  for (const auto& label : profile.sample(0).label())
    found.push_back(text(profile, label.key()) + ":" + text(profile, label.str()) +
                    std::to_string(label.num()) + text(profile, label.num_unit()));
  EXPECT_THAT(found, testing::UnorderedElementsAre("thread:main0", "tid:0tid", "bytes:5bytes"));
}

TEST(ProfileBuilder, CommentsAreKeysWithValues) {
  ProfileBuilder builder(cpu_header());
  builder.add_comment("samples.taken", "17");
  proto::Profile profile = std::move(builder).finish();
  ASSERT_EQ(profile.comment_size(), 1);
  EXPECT_EQ(text(profile, profile.comment(0)), "samples.taken=17");
}

TEST(ProfileBuilder, NamesThatAreNotUtf8BecomeSo) {
  ProfileBuilder builder(cpu_header());
  builder.add_mapping({0x1000, 0x2000, 0, "/tmp/\xff\xfe", "", false});
  builder.add_function({"caf\xc3\xa9", "", "a\xed\xa0\x80z", 0});
  proto::Profile profile = std::move(builder).finish();
  EXPECT_EQ(why(check_valid(profile)), "");
  EXPECT_EQ(text(profile, profile.mapping(0).filename()), "/tmp/\uFFFD\uFFFD");
  EXPECT_EQ(text(profile, profile.function(0).name()), "caf\u00e9");
  EXPECT_EQ(text(profile, profile.function(0).filename()), "a\uFFFD\uFFFD\uFFFDz");
}

TEST(ProfileBuilder, ADurationTooShortToMeasureIsNotAbsent) {
  ProfileHeader header = cpu_header();
  header.duration_nanos = 0;
  EXPECT_GT(ProfileBuilder(header).finish().duration_nanos(), 0);
}

TEST(ProfileBuilder, AForeignIdIsABugOfTheCaller) {
  ProfileBuilder builder(cpu_header());
  uint64_t app = builder.add_mapping({0x1000, 0x2000, 0, "/bin/app", "", false});
  EXPECT_THROW(builder.add_location(2, 0x1000, {}), std::invalid_argument);
  EXPECT_THROW(builder.add_location(app, 0x1000, std::array{LineInfo{1, 0, 0}}),
               std::invalid_argument);
  EXPECT_THROW(builder.add_sample(std::array<uint64_t, 1>{1}, std::array<int64_t, 2>{1, 1}, {}),
               std::invalid_argument);
  EXPECT_THROW(builder.add_sample({}, std::array<int64_t, 1>{1}, {}), std::invalid_argument);
}

} // namespace
} // namespace pprofd
