#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/report/summary.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(HotFunctions, FunctionsOfAllProfilesAddUp) {
  ProfileHeader header = cpu_header();
  header.period = 10'000'000;
  StackProfile a(header), b(header);
  a.stack({{"hot(int)"}, {"main"}}, 20);
  b.stack({{"hot(int)"}, {"main"}}, 40);
  b.stack({{"main"}}, 40);
  HotFunctions hottest;
  hottest.add(a.finish());
  hottest.add(b.finish());
  EXPECT_THAT(hottest.lines(20), ElementsAre("      self  self%      total total%  function",
                                             "     600ms 60.00%      600ms 60.00%  hot",
                                             "     400ms 40.00%     1000ms   100%  main"));
  EXPECT_THAT(hottest.lines(1, true), ElementsAre("      self  self%      total total%  function",
                                                  "     600ms 60.00%      600ms 60.00%  hot(int)"));
}

TEST(HotFunctions, NothingCountedIsNoTable) {
  HotFunctions hottest;
  EXPECT_THAT(hottest.lines(20), IsEmpty());
  hottest.add(ProfileBuilder(cpu_header()).finish());
  EXPECT_THAT(hottest.lines(20), IsEmpty());
}

} // namespace
} // namespace pprofd
