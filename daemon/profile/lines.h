// The lines of a location.
#pragma once

#include <span>

#include "daemon/profile/profile_builder.h"

namespace pprofd {

// Innermost inlined function first.
inline void set_lines(std::span<const LineInfo> lines, perftools::profiles::Location& location) {
  location.clear_line();
  for (const LineInfo& line : lines) {
    auto& added = *location.add_line();
    added.set_function_id(line.function);
    added.set_line(line.line);
    added.set_column(line.column);
  }
}

} // namespace pprofd
