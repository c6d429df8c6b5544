// At most so many in any hour. One thread; time is the caller's.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>

namespace pprofd {

class HourlyBound {
public:
  explicit HourlyBound(uint64_t most = 0) : most_(most) {}

  // Whether there may be one more now; then it counts.
  bool take(std::chrono::nanoseconds now) {
    while (!taken_.empty() && now - taken_.front() >= std::chrono::hours(1))
      taken_.pop_front();
    if (taken_.size() >= most_)
      return false;
    taken_.push_back(now);
    return true;
  }

private:
  uint64_t most_;
  std::deque<std::chrono::nanoseconds> taken_; // in the last hour
};

} // namespace pprofd
