#include <gtest/gtest.h>

#include "daemon/run/memory_guard.h"

namespace pprofd {
namespace {

TEST(MemoryGuard, TakesOneStepAfterTheOtherAndBack) {
  MemoryGuard guard(100);
  EXPECT_EQ(guard.check(100), MemoryStep::kNone);
  EXPECT_EQ(guard.check(101), MemoryStep::kCaches);
  EXPECT_EQ(guard.check(101), MemoryStep::kRows);
  EXPECT_EQ(guard.check(80), MemoryStep::kRows);
  EXPECT_EQ(guard.check(101), MemoryStep::kNewTraces);
  EXPECT_EQ(guard.check(1000), MemoryStep::kNewTraces);
  EXPECT_EQ(guard.check(74), MemoryStep::kRows);
  EXPECT_EQ(guard.check(74), MemoryStep::kCaches);
  EXPECT_EQ(guard.check(74), MemoryStep::kNone);
  EXPECT_EQ(guard.check(0), MemoryStep::kNone);
}

} // namespace
} // namespace pprofd
