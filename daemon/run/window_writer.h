// Makes the profiles of windows that are ready, a few at a time beside the sampling, and gives them
// to the queue.
//
// One thread, the collector's.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>

#include "daemon/collect/collector.h"
#include "daemon/compose/process_profile.h"
#include "daemon/run/profile_queue.h"

namespace pprofd {

// What came of a window.
struct WrittenWindow {
  RecordingInfo info;
  CollectorTotals totals;
  uint64_t profiles = 0;
  FrameCounts frames;
  bool named = true;                // all names came in time
  std::chrono::nanoseconds took{0}; // to make its profiles
};

class WindowWriter {
public:
  WindowWriter(Collector& collector, ProfileQueue& queue)
      : collector_(&collector), queue_(&queue) {}

  // A window has ended; `info` is what all of its profiles have in common. In the windows' order.
  void expect(RecordingInfo info) { infos_.push_back(std::move(info)); }

  // Goes on for about so long, and no longer than the queue takes profiles. Returns the window
  // whose last profile has been made, if there is one.
  std::optional<WrittenWindow> step(std::chrono::nanoseconds at_most);

  // Whether there are windows that are not done with.
  [[nodiscard]] bool pending() const { return !infos_.empty(); }
  // For other profiles.
  [[nodiscard]] KernelNames& kernel() { return kernel_; }

private:
  void begin(CollectedWindow& window);
  void write(const CollectedProcess& process);
  WrittenWindow end(CollectedWindow& window);

  Collector* collector_;
  ProfileQueue* queue_;
  KernelNames kernel_;
  std::deque<RecordingInfo> infos_;
  bool begun_ = false;
  size_t next_ = 0; // process of the window
  WrittenWindow written_;
};

} // namespace pprofd
