// Columns of a table.
#pragma once

#include <cstddef>
#include <string>

namespace pprofd {

// `text` with spaces before it, `width` characters in all at least.
inline std::string padded(std::string text, size_t width) {
  if (text.size() < width)
    text.insert(0, width - text.size(), ' ');
  return text;
}

} // namespace pprofd
