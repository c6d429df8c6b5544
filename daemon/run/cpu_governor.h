// Keeps the service's own CPU time below its limit: over it the frequency is halved, as often as it
// takes; after three measurements in a row that leave room it is doubled again.
//
// A measurement covers whole windows, at least ten seconds of them. The first is left out: reading
// all processes and their files once is the price of the start, not of the sampling. Pure.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace pprofd {

class CpuGovernor {
public:
  using Nanos = std::chrono::nanoseconds;

  // `nominal`: Hz, as configured; `limit`: of one CPU, 1 is all of it.
  CpuGovernor(unsigned nominal, double limit) : nominal_(nominal), limit_(limit) {}

  struct Change {
    unsigned frequency; // Hz, from now on
    double share;       // that was measured
  };
  // A window has ended. `used`: CPU time of all our processes and of the kernel's part since the
  // start; `now`: by any clock that never goes back. Returns a change where there is one.
  std::optional<Change> window_ended(Nanos used, Nanos now);

  [[nodiscard]] unsigned frequency() const { return std::max(1U, nominal_ >> halvings_); }
  // Another configuration.
  void set(unsigned nominal, double limit);
  // Of one CPU, at the last measurement.
  [[nodiscard]] double share() const { return share_; }

private:
  static constexpr std::chrono::seconds kMeasureAtLeast{10};
  static constexpr unsigned kCalmMeasurements = 3;
  static constexpr double kRoom = 0.4; // of the limit: doubled it stays below

  unsigned nominal_;
  double limit_;
  unsigned halvings_ = 0;
  unsigned calm_ = 0;
  double share_ = 0;
  bool warm_ = false;
  std::optional<std::pair<Nanos, Nanos>> since_; // used and now, when the measurement began
};

} // namespace pprofd
