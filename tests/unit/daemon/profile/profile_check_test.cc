#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "daemon/profile/profile_builder.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

namespace proto = perftools::profiles;
using testing::HasSubstr;

proto::Profile good() {
  StackProfile p;
  p.stack({{"inlined", "leaf"}, {"main"}}, 3, {{"tid", "", 7, "tid"}, {"thread", "w", 0, ""}});
  p.stack({{"main"}}, 1);
  return p.finish();
}

int64_t add_string(proto::Profile& p, const std::string& text) {
  p.add_string_table(text);
  return p.string_table_size() - 1;
}

struct Broken {
  const char* reason; // part of the sentence
  std::function<void(proto::Profile&)> change;
};

void expect_refused(const Broken& broken, Result<void> (*check)(const proto::Profile&)) {
  proto::Profile profile = good();
  broken.change(profile);
  Result<void> result = check(profile);
  ASSERT_FALSE(result) << broken.reason;
  EXPECT_EQ(result.error().what, "invalid profile");
  EXPECT_THAT(result.error().why, HasSubstr(broken.reason));
}

const std::vector<Broken>& inconsistent() {
  static const std::vector<Broken> cases{
      {"no string table", [](auto& p) { p.clear_string_table(); }},
      {"the first string is not empty", [](auto& p) { p.set_string_table(0, "x"); }},
      {"no sample types", [](auto& p) { p.clear_sample_type(); }},
      {"sample type 1 refers to string 999",
       [](auto& p) { p.mutable_sample_type(0)->set_type(999); }},
      {"the header refers to string -1", [](auto& p) { p.set_default_sample_type(-1); }},
      {"the header refers to string", [](auto& p) { p.set_doc_url(1000); }},
      {"the header refers to string", [](auto& p) { p.mutable_period_type()->set_unit(1000); }},
      {"a comment refers to string", [](auto& p) { p.add_comment(1000); }},
      {"mapping 1 has the id 0", [](auto& p) { p.mutable_mapping(0)->set_id(0); }},
      {"function 1 has the id 0", [](auto& p) { p.mutable_function(0)->set_id(0); }},
      {"location 1 has the id 0", [](auto& p) { p.mutable_location(0)->set_id(0); }},
      {"two entries have the id of location 2, 1",
       [](auto& p) { p.mutable_location(1)->set_id(1); }},
      {"two entries have the id of function 3, 1000000000000",
       [](auto& p) {
         p.mutable_function(1)->set_id(1'000'000'000'000);
         p.mutable_function(2)->set_id(1'000'000'000'000);
       }},
      {"mapping 1 refers to string", [](auto& p) { p.mutable_mapping(0)->set_filename(1000); }},
      {"mapping 1 refers to string", [](auto& p) { p.mutable_mapping(0)->set_build_id(-5); }},
      {"function 2 refers to string",
       [](auto& p) { p.mutable_function(1)->set_system_name(1000); }},
      {"location 1 refers to mapping 9, which does not exist",
       [](auto& p) { p.mutable_location(0)->set_mapping_id(9); }},
      {"a line of location 1 refers to function 0",
       [](auto& p) { p.mutable_location(0)->mutable_line(0)->set_function_id(0); }},
      {"sample 1 has 1 values for 2 sample types",
       [](auto& p) { p.mutable_sample(0)->mutable_value()->RemoveLast(); }},
      {"sample 2 refers to location 77",
       [](auto& p) { p.mutable_sample(1)->set_location_id(0, 77); }},
      {"a label of sample 1 refers to string",
       [](auto& p) { p.mutable_sample(0)->mutable_label(0)->set_key(1000); }},
  };
  return cases;
}

TEST(ProfileCheck, AConsistentProfilePasses) {
  EXPECT_TRUE(check_consistent(good()));
  EXPECT_TRUE(check_valid(good()));
}

TEST(ProfileCheck, EachInconsistencyIsNamed) {
  for (const Broken& broken : inconsistent()) {
    expect_refused(broken, check_consistent);
    expect_refused(broken, check_valid);
  }
}

TEST(ProfileCheck, IdsMayHaveAnyOrderInAProfileOfSomebodyElses) {
  proto::Profile profile = good();
  auto renumber = [](auto& table, uint64_t id) { return table.size() > 0 ? id : 0; };
  for (auto& location : *profile.mutable_location())
    location.set_mapping_id(renumber(*profile.mutable_mapping(), 5'000'000'000));
  profile.mutable_mapping(0)->set_id(5'000'000'000);
  EXPECT_TRUE(check_consistent(profile));
  EXPECT_FALSE(check_valid(profile));
}

TEST(ProfileCheck, EachRuleForOurOwnProfilesIsNamedWhenBroken) {
  const std::vector<Broken> cases{
      {"is not UTF-8", [](auto& p) { add_string(p, "\xff"); }},
      {"no time or no duration", [](auto& p) { p.clear_time_nanos(); }},
      {"no time or no duration", [](auto& p) { p.clear_duration_nanos(); }},
      {"no period", [](auto& p) { p.set_period(0); }},
      {"period type lacks", [](auto& p) { p.clear_period_type(); }},
      {"drop_frames", [](auto& p) { p.set_drop_frames(1); }},
      {"drop_frames", [](auto& p) { p.set_keep_frames(1); }},
      {"the default sample type is none", [](auto& p) { p.clear_default_sample_type(); }},
      {"has '-' or '.'",
       [](auto& p) { p.mutable_sample_type(0)->set_type(add_string(p, "off-cpu")); }},
      {"lacks its name or unit", [](auto& p) { p.mutable_sample_type(0)->clear_unit(); }},
      {"not numbered from 1",
       [](auto& p) {
         p.mutable_mapping(0)->set_id(2);
         for (auto& l : *p.mutable_location())
           l.set_mapping_id(2);
       }},
      {"has no mapping", [](auto& p) { p.mutable_location(0)->clear_mapping_id(); }},
      {"lies outside its mapping", [](auto& p) { p.mutable_location(0)->set_address(0x3fffff); }},
      {"lies outside its mapping", [](auto& p) { p.mutable_location(0)->set_address(0x500000); }},
      {"ends before it begins",
       [](auto& p) {
         p.add_mapping()->set_id(2);
         p.mutable_mapping(1)->set_has_functions(true);
       }},
      {"not lower-case hexadecimal",
       [](auto& p) { p.mutable_mapping(0)->set_build_id(add_string(p, "C0FFEE")); }},
      {"has_functions is not what its profile is",
       [](auto& p) { p.mutable_mapping(0)->set_has_functions(false); }},
      {"has_functions, but a location has none",
       [](auto& p) { p.mutable_location(1)->clear_line(); }},
      {"has_filenames, has_line_numbers or has_inline_frames",
       [](auto& p) { p.mutable_mapping(0)->set_has_filenames(false); }},
      {"has_filenames, has_line_numbers or has_inline_frames",
       [](auto& p) { p.mutable_mapping(0)->set_has_inline_frames(false); }},
      {"empty or reserved key", [](auto& p) { p.mutable_sample(0)->mutable_label(0)->set_key(0); }},
      {"empty or reserved key",
       [](auto& p) {
         p.mutable_sample(0)->mutable_label(0)->set_key(add_string(p, "pprof::base"));
       }},
      {"neither text nor a number with a unit",
       [](auto& p) {
         auto& label = *p.mutable_sample(0)->mutable_label(0);
         label.clear_str();
         label.clear_num_unit();
       }},
      {"two values for label",
       [](auto& p) { *p.mutable_sample(0)->add_label() = p.sample(0).label(0); }},
  };
  for (const Broken& broken : cases) {
    proto::Profile profile = good();
    broken.change(profile);
    EXPECT_TRUE(check_consistent(profile)) << broken.reason;
    expect_refused(broken, check_valid);
  }
}

} // namespace
} // namespace pprofd
