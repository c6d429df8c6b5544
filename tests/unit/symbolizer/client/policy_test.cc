#include <gtest/gtest.h>

#include "symbolizer/client/policy.h"

namespace pprofd::symbolizer {
namespace {

using namespace std::chrono_literals;

TEST(RestartBudget, TheFirstStartIsFreeAndAMinuteRenewsTheRest) {
  RestartBudget budget(2);
  const std::chrono::steady_clock::time_point start{};
  EXPECT_TRUE(budget.take(start));
  EXPECT_TRUE(budget.take(start + 1s));
  EXPECT_TRUE(budget.take(start + 2s));
  EXPECT_FALSE(budget.take(start + 3s));
  EXPECT_TRUE(budget.take(start + 61s));
}

TEST(Strikes, TwoRefuseAFileAndNoOther) {
  Strikes strikes;
  EXPECT_FALSE(strikes.strike(1));
  EXPECT_FALSE(strikes.strike(2));
  EXPECT_TRUE(strikes.strike(1));
  EXPECT_TRUE(strikes.refused(1));
  EXPECT_FALSE(strikes.refused(2));
  EXPECT_FALSE(strikes.refused(3));
}

TEST(Strikes, TheOldestIsForgottenWhenThereAreTooMany) {
  Strikes strikes;
  strikes.strike(0);
  strikes.strike(0);
  for (uint64_t file = 1; file < Strikes::kMaxFiles; ++file)
    strikes.strike(file);
  EXPECT_TRUE(strikes.refused(0));
  strikes.strike(Strikes::kMaxFiles);
  EXPECT_FALSE(strikes.refused(0));
}

} // namespace
} // namespace pprofd::symbolizer
