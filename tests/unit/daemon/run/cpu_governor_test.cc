#include <gtest/gtest.h>

#include "daemon/run/cpu_governor.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

// Windows of 10 s, of which a share is used.
class Windows {
public:
  explicit Windows(CpuGovernor& governor) : governor_(&governor) {
    governor.window_ended(used_, now_);
    run(0.5); // the start's own work, which is left out
  }
  std::optional<CpuGovernor::Change> run(double share) {
    now_ += 10s;
    used_ += std::chrono::duration_cast<CpuGovernor::Nanos>(10s * share);
    return governor_->window_ended(used_, now_);
  }

private:
  CpuGovernor* governor_;
  CpuGovernor::Nanos used_{0};
  CpuGovernor::Nanos now_{0};
};

TEST(CpuGovernor, LeavesTheFrequencyAloneBelowTheLimit) {
  CpuGovernor governor(99, 0.02);
  Windows windows(governor);
  for (int n = 0; n < 10; ++n)
    EXPECT_FALSE(windows.run(0.019));
  EXPECT_EQ(governor.frequency(), 99U);
}

TEST(CpuGovernor, LowersInHalvesAsOftenAsItTakes) {
  CpuGovernor governor(99, 0.02);
  Windows windows(governor);
  const auto change = windows.run(0.03);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->frequency, 49U);
  EXPECT_NEAR(change->share, 0.03, 1e-9);
  EXPECT_EQ(windows.run(0.07)->frequency, 12U);
  EXPECT_EQ(windows.run(100)->frequency, 1U);
  EXPECT_FALSE(windows.run(100));
}

TEST(CpuGovernor, RecoversAfterThreeCalmMeasurementsAStep) {
  CpuGovernor governor(99, 0.02);
  Windows windows(governor);
  windows.run(0.07); // 24 Hz
  EXPECT_EQ(governor.frequency(), 24U);
  EXPECT_FALSE(windows.run(0.007));
  EXPECT_FALSE(windows.run(0.007));
  EXPECT_EQ(windows.run(0.007)->frequency, 49U);
  EXPECT_FALSE(windows.run(0.007));
  EXPECT_FALSE(windows.run(0.015)) << "doubled, this would be over the limit";
  EXPECT_FALSE(windows.run(0.007));
  EXPECT_FALSE(windows.run(0.007));
  EXPECT_EQ(windows.run(0.007)->frequency, 99U);
  EXPECT_FALSE(windows.run(0));
}

TEST(CpuGovernor, ShortWindowsAreMeasuredTogether) {
  CpuGovernor governor(99, 0.02);
  CpuGovernor::Nanos used{0};
  CpuGovernor::Nanos now{0};
  int changes = 0;
  for (int n = 0; n < 290; ++n) { // 29 s
    changes += governor.window_ended(used, now) ? 1 : 0;
    now += 100ms;
    used += 3ms;
  }
  EXPECT_EQ(changes, 1) << "10 s left out, 10 s measured, 9 s at the lower frequency";
}

TEST(CpuGovernor, TakesAnotherConfiguration) {
  CpuGovernor governor(99, 0.02);
  Windows windows(governor);
  windows.run(0.03);
  governor.set(20, 0.02);
  EXPECT_EQ(governor.frequency(), 10U);
}

} // namespace
} // namespace pprofd
