// Facts as pairs of texts: a profile's comments, the lines at the end of an index.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace pprofd {

using KeyValues = std::vector<std::pair<std::string, std::string>>;

} // namespace pprofd
