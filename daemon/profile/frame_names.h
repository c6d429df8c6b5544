// What frames are called where stacks are lists of names: folded stacks, rows.
#pragma once

#include <string>
#include <vector>

#include "daemon/profile/id_index.h"
#include "daemon/profile/profile_builder.h"

namespace pprofd {

// The name of a location without functions: its place in `mapping`; nullptr: in none.
std::string nameless_frame(const perftools::profiles::Profile& profile,
                           const perftools::profiles::Location& location,
                           const perftools::profiles::Mapping* mapping);

// Names of a profile that hangs together (check_consistent), and outlives this. One thread.
class FrameNames {
public:
  explicit FrameNames(const perftools::profiles::Profile& profile)
      : profile_(profile), functions_(profile.function()), mappings_(profile.mapping()) {}

  // Of one of its locations, the innermost inlined function first; at least one. "[unknown]": a
  // function without a name.
  [[nodiscard]] std::vector<std::string> at(const perftools::profiles::Location& location) const;

private:
  const perftools::profiles::Profile& profile_;
  IdIndex functions_, mappings_;
};

} // namespace pprofd
