// When the worker is started again, and which files it is not given any more.
// One thread at a time; the time is the caller's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>

#include "symbolizer/base/rate_bound.h"

namespace pprofd::symbolizer {

// At most so many restarts within any minute. The first start is none.
class RestartBudget {
public:
  explicit RestartBudget(unsigned per_minute) : bound_(per_minute, std::chrono::minutes(1)) {}

  // Whether the worker may be started at `now`; counts it if so.
  bool take(std::chrono::steady_clock::time_point now) {
    return std::exchange(first_, false) || bound_.take(now.time_since_epoch());
  }

private:
  bool first_ = true;
  RateBound bound_;
};

// Files during whose requests the worker ended. The oldest are forgotten beyond kMaxFiles.
class Strikes {
public:
  static constexpr unsigned kLimit = 2;
  static constexpr size_t kMaxFiles = 65'536;

  // Returns whether the file is refused from now on.
  bool strike(uint64_t file);
  [[nodiscard]] bool refused(uint64_t file) const;

private:
  std::unordered_map<uint64_t, unsigned> counts_;
  std::deque<uint64_t> order_;
};

} // namespace pprofd::symbolizer
