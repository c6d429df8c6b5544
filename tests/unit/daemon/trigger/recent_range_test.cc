#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "daemon/trigger/recent_range.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

constexpr auto kHistory = 60s;

// Readings every two seconds.
RecentRange range_of(const std::vector<double>& values) {
  RecentRange range;
  for (const double value : values)
    range.add(value, 2s, kHistory);
  return range;
}

TEST(RecentRange, NothingIsUnusualBeforeItKnowsWhatIsUsual) {
  const RecentRange range = range_of(std::vector<double>(30, 5));
  EXPECT_FALSE(range.is_above(1000, 20, kHistory)); // 29 times two seconds
  const RecentRange longer = range_of(std::vector<double>(32, 5));
  EXPECT_TRUE(longer.is_above(1000, 20, kHistory));
  RecentRange few;
  few.add(5, 0s, kHistory);
  few.add(5, 1h, kHistory);
  EXPECT_FALSE(few.is_above(1000, 20, kHistory));
}

TEST(RecentRange, AQuietValueIsUnusualFromTheLeastChangeOn) {
  const RecentRange range = range_of(std::vector<double>(60, 5));
  EXPECT_DOUBLE_EQ(range.mean(), 5);
  EXPECT_DOUBLE_EQ(range.deviation(), 0);
  EXPECT_FALSE(range.is_above(25, 20, kHistory));
  EXPECT_TRUE(range.is_above(25.1, 20, kHistory));
  EXPECT_FALSE(range.is_above(-100, 20, kHistory));
}

TEST(RecentRange, ARestlessValueHasAWideRange) {
  std::vector<double> values;
  for (int i = 0; i < 200; ++i)
    values.push_back(i % 2 == 0 ? 10 : 90);
  const RecentRange range = range_of(values);
  EXPECT_NEAR(range.deviation(), 40, 2);
  EXPECT_FALSE(range.is_above(190, 20, kHistory));
  EXPECT_TRUE(range.is_above(230, 20, kHistory));
}

// Against the definition: weights that fall to 1/e in the history.
TEST(RecentRange, MeanAndDeviationAreThoseOfTheWeightedReadings) {
  std::mt19937 random(7);
  std::vector<double> values(500);
  for (double& value : values)
    value = static_cast<double>(random() % 100);
  const RecentRange range = range_of(values);
  const double kept = std::exp(-2.0 / 60);
  std::vector<double> weights(values.size());
  double weight = 1 - kept;
  for (size_t at = values.size(); at-- > 1; weight *= kept)
    weights[at] = weight;
  weights[0] = weight / (1 - kept); // what is left
  double mean = 0;
  for (size_t at = 0; at < values.size(); ++at)
    mean += weights[at] * values[at];
  double variance = 0;
  for (size_t at = 0; at < values.size(); ++at)
    variance += weights[at] * (values[at] - mean) * (values[at] - mean);
  EXPECT_NEAR(range.mean(), mean, 1e-9);
  EXPECT_NEAR(range.deviation(), std::sqrt(variance), 1e-9);
}

TEST(RecentRange, ALevelThatStaysBecomesTheUsualOne) {
  RecentRange range = range_of(std::vector<double>(60, 5));
  EXPECT_TRUE(range.is_above(100, 20, kHistory));
  for (int i = 0; i < 150; ++i)
    range.add(100, 2s, kHistory);
  EXPECT_FALSE(range.is_above(100, 20, kHistory));
}

} // namespace
} // namespace pprofd
