// A profile in pieces that a backend with limits takes. Pure.
#pragma once

#include <cstddef>
#include <vector>

#include "proto/profile.pb.h"
#include "symbolizer/base/result.h"

namespace pprofd::ship {

struct SplitLimits {
  size_t bytes = 0; // of a message, not compressed; a single sample may have more
  int samples = 0;
};

// The samples of `profile` in as many profiles as it takes, each with the entries that it needs;
// equal samples are added up first. None where no sample is left. Errors: the profile does not hang
// together.
Result<std::vector<perftools::profiles::Profile>>
split_profile(const perftools::profiles::Profile& profile, const SplitLimits& limits);

} // namespace pprofd::ship
