#include "daemon/trigger/recent_range.h"

#include <algorithm>
#include <cmath>

namespace pprofd {

double RecentRange::deviation() const {
  return std::sqrt(variance_);
}

bool RecentRange::is_above(double value, double least, std::chrono::nanoseconds history) const {
  if (readings_ < kFewestReadings || seen_ < history)
    return false;
  return value - mean_ > std::max(least, kDeviations * deviation());
}

void RecentRange::add(double value, std::chrono::nanoseconds since,
                      std::chrono::nanoseconds history) {
  if (readings_++ == 0) {
    mean_ = value;
    return;
  }
  seen_ += since;
  const double weight =
      1 - std::exp(-std::chrono::duration<double>(since) / std::chrono::duration<double>(history));
  const double difference = value - mean_;
  const double increment = weight * difference;
  mean_ += increment;
  variance_ = (1 - weight) * (variance_ + difference * increment);
}

} // namespace pprofd
