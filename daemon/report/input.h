// Profiles read for a report: from files or standard input, several made one.
#pragma once

#include <string>
#include <vector>

#include "daemon/profile/profile_builder.h"

namespace pprofd {

// Leaves of each profile the sample types that all of them have, in the first one's order, in the
// finest unit that one of them uses, as `go tool pprof` does before it merges or compares.
// Errors: they have none in common; their units are not of the same kind.
Result<void> make_comparable(const std::vector<perftools::profiles::Profile*>& profiles);

// Reads all, as read_profile() does, and merges them.
Result<perftools::profiles::Profile> read_merged(const std::vector<std::string>& files);

} // namespace pprofd
