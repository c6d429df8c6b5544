#include <gtest/gtest.h>

#include <limits>

#include "daemon/profile/table/units.h"

namespace pprofd {
namespace {

TEST(Units, AValueGetsTheUnitThatSuitsIt) {
  EXPECT_EQ(humanize(0, "nanoseconds"), "0");
  EXPECT_EQ(humanize(999, "nanoseconds"), "999ns");
  EXPECT_EQ(humanize(1'500, "nanoseconds"), "1.50us");
  EXPECT_EQ(humanize(1'500, "us"), "1.50ms");
  EXPECT_EQ(humanize(12'340'000'000, "nanoseconds"), "12.34s");
  EXPECT_EQ(humanize(7200, "seconds"), "2hrs");
  EXPECT_EQ(humanize(512, "bytes"), "512B");
  EXPECT_EQ(humanize(1536, "bytes"), "1.50kB");
  EXPECT_EQ(humanize(3, "GB"), "3GB");
  EXPECT_EQ(humanize(17, "count"), "17");
  EXPECT_EQ(humanize(17, "objects"), "17objects");
  EXPECT_EQ(humanize(-1'500, "nanoseconds"), "-1.50us");
  EXPECT_EQ(humanize(std::numeric_limits<int64_t>::min(), "nanoseconds"), "-2562047.79hrs");
}

TEST(Units, ATableHasOneUnit) {
  ValueFormat close("nanoseconds", 20'000'000, 900'000'000);
  EXPECT_EQ(close(20'000'000), "20ms");
  EXPECT_EQ(close(900'000'000), "900ms");
  // 10 ms beside 10 s: two decimals of a second show both.
  ValueFormat apart("nanoseconds", 10'000'000, 10'000'000'000);
  EXPECT_EQ(apart(10'000'000), "0.01s");
  EXPECT_EQ(apart(10'000'000'000), "10s");
}

TEST(Units, SharesHaveAtLeastTwoDigits) {
  EXPECT_EQ(percentage(595, 1000), "59.50%");
  EXPECT_EQ(percentage(-595, 1000), "59.50%");
  EXPECT_EQ(percentage(1, 1000), "  0.1%");
  EXPECT_EQ(percentage(12, 100'000), "0.012%");
  EXPECT_EQ(percentage(9996, 10'000), "  100%");
  EXPECT_EQ(percentage(20'000, 10'000), "200.00%");
  EXPECT_EQ(percentage(1, 0), "    0%");
}

TEST(Units, RatiosAreOfUnitsOfOneKind) {
  EXPECT_EQ(unit_ratio("ms", "nanoseconds"), 1e6);
  EXPECT_EQ(unit_ratio("microseconds", "us"), 1);
  EXPECT_EQ(unit_ratio("count", "count"), 1);
  EXPECT_EQ(unit_ratio("bytes", "seconds"), 0);
  EXPECT_EQ(unit_ratio("count", "objects"), 0);
}

} // namespace
} // namespace pprofd
