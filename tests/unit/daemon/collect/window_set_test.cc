#include <gtest/gtest.h>

#include "daemon/collect/window_set.h"

namespace pprofd {
namespace {

TEST(WindowSet, ASampleGoesToTheWindowOfItsTime) {
  WindowSet windows;
  windows.begin(100);
  windows.end(200);
  windows.begin(200);
  EXPECT_EQ(windows.at(100).data.begin, 100U);
  EXPECT_EQ(windows.at(199).data.begin, 100U);
  EXPECT_EQ(windows.at(200).data.begin, 200U);
  EXPECT_EQ(windows.at(5000).data.begin, 200U);
}

TEST(WindowSet, ASampleFromBeforeTheFirstWindowIsNotLost) {
  WindowSet windows;
  windows.begin(100);
  EXPECT_EQ(windows.at(50).data.begin, 100U);
}

TEST(WindowSet, ASampleTooLateForItsWindowGoesToTheNext) {
  WindowSet windows;
  for (const uint64_t begin : {100UL, 200UL, 300UL}) {
    windows.end(begin);
    windows.begin(begin);
  }
  windows.front().settled = true;
  EXPECT_EQ(windows.at(150).data.begin, 200U);
  EXPECT_EQ(windows.at(250).data.begin, 200U);
}

TEST(WindowSet, EndsOnlyTheWindowThatIsOpen) {
  WindowSet windows;
  windows.end(50); // nothing to end
  windows.begin(100);
  EXPECT_FALSE(windows.front().is_over());
  windows.end(200);
  windows.end(300);
  EXPECT_EQ(windows.front().data.end, 200U);
}

TEST(WindowSet, HoldsTheProcessesOfWindowsThatAreNotDoneWith) {
  Process first;
  first.serial = 1;
  Process second;
  second.serial = 2;
  WindowSet windows;
  windows.begin(100);
  CollectedProcess& collected = windows.at(100).process(first);
  EXPECT_EQ(&windows.at(150).process(first), &collected) << "one aggregate a process and window";
  windows.end(200);
  windows.begin(200);
  windows.at(200).process(second);
  EXPECT_TRUE(windows.holds(first));
  EXPECT_TRUE(windows.holds(second));
  const OpenWindow gone = windows.take_front();
  EXPECT_EQ(gone.data.processes.size(), 1U);
  EXPECT_FALSE(windows.holds(first));
  EXPECT_TRUE(windows.holds(second));
}

} // namespace
} // namespace pprofd
