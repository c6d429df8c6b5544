// What profiles say of themselves in their comments: how many stacks are whole, what was dropped.
// Read from `stacks.complete`, `stacks.incomplete.REASON`, `samples.dropped.REASON`, `frequency`.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "daemon/profile/profile_builder.h"

namespace pprofd {

struct ProfileAccounting {
  int64_t complete = 0;                      // stacks
  std::map<std::string, int64_t> incomplete; // stacks by reason
  std::map<std::string, int64_t> dropped;    // samples by reason
  int64_t frequency = 0; // Hz; the lowest where profiles differ, 0 where none says it

  // Sums saturate. Comments that are none of these, or no numbers, are passed over.
  void add(const perftools::profiles::Profile& profile);
};

} // namespace pprofd
