#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "daemon/profile/text.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

using testing::HasSubstr;

std::string table(const perftools::profiles::Profile& profile, const TextOptions& options) {
  std::ostringstream out;
  write_text(profile, options, out);
  return out.str();
}

TextOptions showing(int value_index, size_t top = 0) {
  TextOptions options;
  options.value_index = value_index;
  options.top = top;
  return options;
}

perftools::profiles::Profile some_profile() {
  ProfileHeader header = cpu_header();
  header.period = 10'000'000;
  StackProfile p(header);
  p.stack({{"app::hot(int)"}, {"main"}}, 60);
  p.stack({{"app::warm<int>()"}, {"main"}}, 30);
  p.stack({{"main"}}, 10);
  return p.finish();
}

TEST(Text, AFunctionALineWithItsOwnAndTotalValue) {
  std::string text = table(some_profile(), showing(1));
  EXPECT_THAT(text, HasSubstr("     600ms 60.00% 60.00%      600ms 60.00%  app::hot\n"
                              "     300ms 30.00% 90.00%      300ms 30.00%  app::warm\n"
                              "     100ms 10.00%   100%     1000ms   100%  main\n"));
  EXPECT_THAT(text, HasSubstr("File: app\nType: cpu\n"));
  EXPECT_THAT(text, HasSubstr("Duration: 10s, total samples: 1000ms (10.00%)\n"));
}

TEST(Text, OnlyTheHottestFunctionsAreShown) {
  std::string text = table(some_profile(), showing(0, 1));
  EXPECT_THAT(text, HasSubstr("Showing 1 of 3 functions, 60 (60.00%) of 100\n"));
  EXPECT_THAT(text, HasSubstr("app::hot\n"));
  EXPECT_THAT(text, Not(HasSubstr("main\n")));
}

TEST(Text, LongNamesAreWhole) {
  TextOptions options;
  options.long_names = true;
  EXPECT_THAT(table(some_profile(), options), HasSubstr("  app::warm<int>()\n"));
}

TEST(Text, AnEmptyProfileHasAHeadingAndNoLines) {
  std::string text = table(ProfileBuilder(cpu_header()).finish(), {});
  EXPECT_THAT(text, HasSubstr("Showing 0 of 0 functions, 0 (0%) of 0\n"));
}

TEST(Text, ANameCannotCommandTheTerminal) {
  EXPECT_EQ(display_name("a\x1b[2Jb\tc\x7f\n", true), "a [2Jb c  ");
  EXPECT_EQ(display_name("a\u009b31m\u00e9", true), "a  31m\u00e9");
}

} // namespace
} // namespace pprofd
