#include "daemon/top/data/live_samples.h"

#include <utility>

namespace pprofd::top {

using std::chrono::nanoseconds;

namespace {

nanoseconds duration_of(const std::deque<Interval>& intervals) {
  nanoseconds sum{0};
  for (const Interval& interval : intervals)
    sum += interval.duration;
  return sum;
}

size_t frames_of(const std::deque<Interval>& intervals) {
  size_t sum = 0;
  for (const Interval& interval : intervals)
    sum += interval.frames.size();
  return sum;
}

} // namespace

void LiveSamples::add(Interval interval) {
  std::deque<Interval>& to = paused_ ? waiting_ : shown_;
  to.push_back(std::move(interval));
  trim(to);
}

// An interval stays as long as without it the window would not be full: intervals are never of
// exactly the length that was asked for.
void LiveSamples::trim(std::deque<Interval>& intervals) {
  const auto is_full_without_first = [&] {
    return duration_of(intervals) - intervals.front().duration >=
           window_ - intervals.front().duration / 2;
  };
  while (intervals.size() > 1 && (is_full_without_first() || frames_of(intervals) > most_frames_))
    drop_first(intervals);
}

void LiveSamples::drop_first(std::deque<Interval>& intervals) {
  for (const FunctionId id : intervals.front().held)
    names_.release(id);
  intervals.pop_front();
}

void LiveSamples::clear() {
  for (auto* intervals : {&shown_, &waiting_}) {
    while (!intervals->empty())
      drop_first(*intervals);
  }
}

void LiveSamples::set_paused(bool paused) {
  if (std::exchange(paused_, paused) == paused || paused)
    return;
  for (Interval& interval : std::exchange(waiting_, {}))
    add(std::move(interval));
}

nanoseconds LiveSamples::duration() const {
  return duration_of(shown_);
}

SampleAccounting LiveSamples::accounting() const {
  SampleAccounting sum;
  for (const Interval& interval : shown_) {
    for (const LiveProcess& process : interval.processes)
      sum += process.accounting;
  }
  return sum;
}

uint64_t LiveSamples::unattributed_drops() const {
  uint64_t sum = 0;
  for (const Interval& interval : shown_)
    sum += interval.unattributed_drops;
  return sum;
}

} // namespace pprofd::top
