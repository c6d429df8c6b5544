// What a profile says of itself, as columns of its rows.
#pragma once

#include <string_view>

#include "daemon/profile/profile_builder.h"
#include "daemon/profile/rows/rows.h"

namespace pprofd {

// Whether a fact of this name, as in a profile's comments, is one of a single process or window,
// and no label by which profiles belong together.
bool is_of_one_profile(std::string_view name);

// Of anybody's profile: time and duration, and what its comments say ("key=value"). Where they name
// no service, build id or process, those of the main executable.
RowFacts facts_of(const perftools::profiles::Profile& profile);

} // namespace pprofd
