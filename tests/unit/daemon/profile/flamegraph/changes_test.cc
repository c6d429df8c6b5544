#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "daemon/profile/flamegraph/changes.h"
#include "tests/unit/daemon/profile/sample_profiles.h"

namespace pprofd {
namespace {

constexpr double kZ95 = 1.959964;

// The examples of Newcombe's article, its table II, method 10.
TEST(DifferenceInterval, IsThatOfTheArticle) {
  struct Example {
    CountedShare a, b;
    double low, high;
  };
  for (const Example& example :
       {Example{{56, 70}, {48, 80}, 0.0524, 0.3339}, Example{{9, 10}, {3, 10}, 0.1705, 0.8090},
        Example{{5, 56}, {0, 29}, -0.0381, 0.1926}, Example{{0, 10}, {0, 10}, -0.2775, 0.2775},
        Example{{10, 10}, {0, 10}, 0.6075, 1.0000}}) {
    const Interval interval = difference_interval(example.a, example.b, kZ95);
    EXPECT_NEAR(interval.low, example.low, 6e-5);
    EXPECT_NEAR(interval.high, example.high, 6e-5);
  }
}

TEST(DifferenceInterval, NothingCountedSaysNothing) {
  const Interval interval = difference_interval({0, 0}, {5, 10}, kZ95);
  EXPECT_EQ(interval.low, -1);
  EXPECT_EQ(interval.high, 1);
}

TEST(NormalQuantile, IsThatOfTheTables) {
  EXPECT_NEAR(normal_quantile(0.025), 1.959964, 1e-6);
  EXPECT_NEAR(normal_quantile(0.005), 2.575829, 1e-6);
  EXPECT_NEAR(normal_quantile(1e-6), 4.753424, 1e-6);
}

using Counts = std::vector<int64_t>; // by function

void add(FlameGraphBuilder& builder, const Counts& counts, FlameGraphBuilder::Side side) {
  StackProfile p;
  for (size_t i = 0; i < counts.size(); i++)
    if (counts[i] > 0)
      p.stack({{"f" + std::to_string(i)}, {"main"}}, counts[i]);
  ASSERT_TRUE(builder.add(p.finish(), "", side));
}

FlameGraph compared(const Counts& now, const Counts& base) {
  FlameGraphBuilder builder;
  add(builder, now, FlameGraphBuilder::Side::kNow);
  add(builder, base, FlameGraphBuilder::Side::kBase);
  return std::move(builder).finish();
}

TEST(ShareChanges, TheLargestChangeComesFirst) {
  const FlameGraph graph = compared({300, 500, 200}, {100, 700, 200});
  const auto changes = share_changes(graph);
  ASSERT_EQ(changes.size(), 3U);
  EXPECT_EQ(graph.functions[static_cast<size_t>(changes[0].function)].name, "f0");
  EXPECT_NEAR(changes[0].share, 0.3, 1e-9);
  EXPECT_NEAR(changes[0].base_share, 0.1, 1e-9);
  EXPECT_NEAR(changes[0].change, 0.2, 1e-9);
  EXPECT_TRUE(changes[0].significant);
  EXPECT_LT(changes[0].interval.low, 0.2);
  EXPECT_GT(changes[0].interval.low, 0.1);
  EXPECT_FALSE(changes[2].significant);
  EXPECT_LE(changes[2].interval.low, 0);
  EXPECT_GE(changes[2].interval.high, 0);
}

TEST(ShareChanges, TheSameShareOfMoreSamplesIsNoChange) {
  for (const ShareChange& change : share_changes(compared({900, 100}, {90, 10})))
    EXPECT_FALSE(change.significant);
}

// 500 functions, both sides drawn from the same distribution: 5 % of the intervals leave out zero,
// yet nothing is called significant in 19 of 20 comparisons.
TEST(ShareChanges, NoiseIsNoFinding) {
  std::mt19937 random(1);
  constexpr int kFunctions = 500;
  constexpr int kComparisons = 40;
  int findings = 0;
  std::uniform_int_distribution<size_t> draw(0, kFunctions - 1);
  for (int i = 0; i < kComparisons; i++) {
    Counts now(kFunctions);
    Counts base(kFunctions);
    for (int sample = 0; sample < 20'000; sample++) {
      now[draw(random)]++;
      base[draw(random)]++;
    }
    const auto changes = share_changes(compared(now, base));
    findings += std::ranges::any_of(changes, &ShareChange::significant) ? 1 : 0;
  }
  EXPECT_LE(findings, 8); // 2 expected; more than 8 of 40 at 5 %: 1e-3
}

TEST(ShareChanges, WithoutABaseThereAreNone) {
  FlameGraphBuilder builder;
  add(builder, {1}, FlameGraphBuilder::Side::kNow);
  EXPECT_TRUE(share_changes(std::move(builder).finish()).empty());
}

} // namespace
} // namespace pprofd
