// Files that only the daemon may read, for processes without privileges: certificates, keys,
// tokens.
#pragma once

#include <string>
#include <string_view>

#include "symbolizer/base/result.h"

namespace pprofd {

// The contents; nothing for no path. `key`: of the configuration, for messages. Errors: it can't be
// read, is empty or larger than 1 MiB.
Result<std::string> read_credentials(const std::string& path, const std::string& key);

// Without the blanks and line ends around it.
std::string_view trimmed(std::string_view text);

} // namespace pprofd
