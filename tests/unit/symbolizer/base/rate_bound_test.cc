#include <gtest/gtest.h>

#include "symbolizer/base/rate_bound.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

TEST(RateBound, HoldsInEverySpan) {
  RateBound bound(3, 1h);
  unsigned taken = 0;
  for (auto now = 0s; now < 3600s * 10; now += 60s)
    taken += bound.take(now) ? 1 : 0;
  EXPECT_EQ(taken, 30U);
  EXPECT_FALSE(RateBound(0, 1h).take(0s));
}

TEST(RateBound, OneThatIsASpanOldGivesWay) {
  RateBound bound(2, 1min);
  EXPECT_TRUE(bound.take(1s));
  EXPECT_TRUE(bound.take(30s));
  EXPECT_FALSE(bound.take(60s));
  EXPECT_TRUE(bound.take(61s));
  EXPECT_FALSE(bound.take(62s));
  EXPECT_TRUE(bound.take(90s));
}

} // namespace
} // namespace pprofd
