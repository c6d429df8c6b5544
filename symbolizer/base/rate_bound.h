// At most so many in any span of time. One thread; time is the caller's, and never runs backwards.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace pprofd {

class RateBound {
public:
  // `most` of 0: none ever.
  RateBound(uint64_t most, std::chrono::nanoseconds span) : most_(most), span_(span) {}

  // Whether there may be one more now; then it counts.
  bool take(std::chrono::nanoseconds now) {
    while (!taken_.empty() && now - taken_.front() >= span_)
      taken_.pop_front();
    if (taken_.size() >= most_)
      return false;
    taken_.push_back(now);
    return true;
  }

private:
  uint64_t most_;
  std::chrono::nanoseconds span_;
  std::deque<std::chrono::nanoseconds> taken_; // within the last span
};

} // namespace pprofd
