// The samples of the last seconds: a sliding sum of whole intervals, so that each figure says
// exactly what a stated time held, and what was hot before has left it. Bounded in memory by time
// and by a number of frames. While it is paused what is shown stays, and intervals that come wait.
//
// One thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>

#include "daemon/top/data/interval.h"

namespace pprofd::top {

class LiveSamples {
public:
  // Of all intervals together, some 64 MB; beyond it the oldest go before their time.
  static constexpr size_t kMostFrames = size_t{16} << 20;

  explicit LiveSamples(std::chrono::nanoseconds window, size_t most_frames = kMostFrames)
      : window_(window), most_frames_(most_frames) {}

  // For an IntervalBuilder.
  NameTable& names() { return names_; }
  [[nodiscard]] const NameTable& names() const { return names_; }

  void add(Interval interval);
  // From now on only what comes counts.
  void clear();
  void set_paused(bool paused);
  [[nodiscard]] bool paused() const { return paused_; }

  [[nodiscard]] const std::deque<Interval>& intervals() const { return shown_; }
  // The time that is shown; less than the window in the beginning.
  [[nodiscard]] std::chrono::nanoseconds duration() const;
  [[nodiscard]] SampleAccounting accounting() const; // of all processes
  [[nodiscard]] uint64_t unattributed_drops() const;

private:
  void trim(std::deque<Interval>& intervals);
  void drop_first(std::deque<Interval>& intervals);

  std::chrono::nanoseconds window_;
  size_t most_frames_;
  NameTable names_;
  std::deque<Interval> shown_;   // oldest first
  std::deque<Interval> waiting_; // came while paused
  bool paused_ = false;
};

} // namespace pprofd::top
