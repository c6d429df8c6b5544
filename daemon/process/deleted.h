// What the kernel adds to the name of a file that has been unlinked.
#pragma once

#include <string_view>

namespace pprofd {

inline constexpr std::string_view kDeleted = " (deleted)";

// `name`, as a mapping or a link in /proc has it, without that.
constexpr std::string_view without_deleted(std::string_view name) {
  if (name.ends_with(kDeleted))
    name.remove_suffix(kDeleted.size());
  return name;
}

} // namespace pprofd
