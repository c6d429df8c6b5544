// Paths as profiles have them: text, of files that need not be there.
#pragma once

#include <string_view>

namespace pprofd {

// What stands behind the last slash; nothing where a slash is the end.
constexpr std::string_view last_component(std::string_view path) {
  return path.substr(path.rfind('/') + 1); // npos + 1 is 0
}

} // namespace pprofd
