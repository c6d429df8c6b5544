#include "daemon/run/cpu_governor.h"

namespace pprofd {

void CpuGovernor::set(unsigned nominal, double limit) {
  nominal_ = nominal;
  limit_ = limit;
}

std::optional<CpuGovernor::Change> CpuGovernor::window_ended(Nanos used, Nanos now) {
  if (!since_)
    since_ = {used, now};
  const auto [used_before, began] = *since_;
  if (now - began < kMeasureAtLeast)
    return std::nullopt;
  since_ = {used, now};
  if (!std::exchange(warm_, true))
    return std::nullopt;
  share_ = std::chrono::duration<double>(used - used_before) / (now - began);
  const unsigned before = frequency();
  if (share_ > limit_) {
    calm_ = 0;
    for (double share = share_; share > limit_ && frequency() > 1; share /= 2)
      ++halvings_;
  } else if (halvings_ > 0 && share_ < kRoom * limit_) {
    if (++calm_ >= kCalmMeasurements) {
      calm_ = 0;
      --halvings_;
    }
  } else {
    calm_ = 0;
  }
  if (frequency() == before)
    return std::nullopt;
  return Change{frequency(), share_};
}

} // namespace pprofd
