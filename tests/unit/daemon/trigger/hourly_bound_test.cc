#include <gtest/gtest.h>

#include "daemon/trigger/hourly_bound.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

TEST(HourlyBound, HoldsInEveryHour) {
  HourlyBound bound(3);
  unsigned taken = 0;
  for (auto now = 0s; now < 3600s * 10; now += 60s)
    taken += bound.take(now) ? 1 : 0;
  EXPECT_EQ(taken, 30U);
  EXPECT_FALSE(HourlyBound(0).take(0s));
}

} // namespace
} // namespace pprofd
