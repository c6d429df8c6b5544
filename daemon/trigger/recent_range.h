// What is usual for a value that is read again and again: its exponentially weighted mean and
// deviation, a reading's weight falling to 1/e in the time `history`.
//
// A value has left its range upwards when it lies above the mean by more than four deviations and
// by more than `least`, so that a value that hardly moves is not found unusual for a trifle;
// nothing is unusual before the range has seen readings for as long as `history`. Unusual readings
// count as well: a level that stays becomes the usual one.
//
// Source: T. Finch, Incremental calculation of weighted mean and variance, 2009, chapter 9. Pure.
#pragma once

#include <chrono>
#include <cstdint>

namespace pprofd {

class RecentRange {
public:
  static constexpr double kDeviations = 4;
  static constexpr uint64_t kFewestReadings = 8;

  // Whether a value lies above the range that the readings so far make.
  [[nodiscard]] bool is_above(double value, double least, std::chrono::nanoseconds history) const;
  // One more reading, the time `since` the one before.
  void add(double value, std::chrono::nanoseconds since, std::chrono::nanoseconds history);

  [[nodiscard]] bool empty() const { return readings_ == 0; }
  [[nodiscard]] double mean() const { return mean_; }
  [[nodiscard]] double deviation() const;

private:
  double mean_ = 0;
  double variance_ = 0;
  uint64_t readings_ = 0;
  std::chrono::nanoseconds seen_{0};
};

} // namespace pprofd
