// What changed between two profiles, function by function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <string>
#include <vector>

#include "daemon/profile/profile_builder.h"

namespace pprofd {

struct FunctionChange {
  std::string name;
  int64_t flat_before = 0, flat_after = 0;
  int64_t cum_before = 0, cum_after = 0;
};

struct DiffOptions {
  int value_index = 0; // of both profiles
  size_t top = 0;      // functions shown; 0 is all
  bool long_names = false;
  // The profiles' totals before samples were left out: what percentages are of.
  int64_t total_before = 0, total_after = 0;
};

// The functions whose own or total value changed, largest change of the own value first, then of
// the total one, then by name.
std::vector<FunctionChange> function_changes(const perftools::profiles::Profile& before,
                                             const perftools::profiles::Profile& after,
                                             int value_index);

// The changes as a table. For the own value (flat) and the total one (cum): what it was and is, the
// change, the change as a share of what it was ("new" where it was nothing) and as a share of
// everything in the base. Values are not scaled to equal durations.
void write_diff(const perftools::profiles::Profile& before,
                const perftools::profiles::Profile& after, const DiffOptions& options,
                std::ostream& out);

} // namespace pprofd
