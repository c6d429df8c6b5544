// Profiles read from files.
#pragma once

#include <string>

#include "daemon/profile/profile_builder.h"

namespace pprofd {

// Reads anybody's profile, as parse_profile() does; "-" is standard input. Errors name the file.
Result<perftools::profiles::Profile> read_profile(const std::string& file);

} // namespace pprofd
