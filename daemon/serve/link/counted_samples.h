// The samples of a profile that count in sums of the machine: none of one that a trigger took,
// since ordinary profiles tell of the same time.
#pragma once

#include "proto/serve.pb.h"

namespace pprofd::serve {

inline bool is_triggered(const WindowProfile& profile) {
  return profile.labels().contains("trigger");
}

inline uint64_t counted_samples(const WindowProfile& profile) {
  return is_triggered(profile) ? 0 : profile.samples();
}

} // namespace pprofd::serve
