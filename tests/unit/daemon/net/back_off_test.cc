#include <gtest/gtest.h>

#include "daemon/net/back_off.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

TEST(BackOff, DoublesUpToAMinute) {
  BackOff longest;
  BackOff shortest;
  for (const auto pause : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    EXPECT_EQ(longest.failed({}, UINT32_MAX), pause);
    EXPECT_EQ(shortest.failed({}, 0), pause / 2.0);
  }
  longest.succeeded();
  EXPECT_EQ(longest.failed({}, UINT32_MAX), 1s);
}

TEST(BackOff, ObeysWhatTheBackendAsksFor) {
  BackOff pauses;
  EXPECT_EQ(pauses.failed(7s, 0), 7s);
  EXPECT_LE(pauses.failed(100s, UINT32_MAX), 110s);
  EXPECT_EQ(pauses.failed(0s, UINT32_MAX), 4s) << "its own pause is the least";
  EXPECT_EQ(pauses.failed(std::chrono::hours(24 * 365), 0), 1h);
}

} // namespace
} // namespace pprofd
