// A profile as a table of its hottest functions, for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "daemon/profile/profile_builder.h"
#include "daemon/profile/table/function_graph.h"
#include "daemon/profile/table/units.h"

namespace pprofd {

struct TextOptions {
  int value_index = 0;
  size_t top = 0; // functions shown; 0 is all
  bool long_names = false;
  Granularity granularity = Granularity::Functions;
  // What percentages are of; by default the sum of all samples of the profile.
  std::optional<int64_t> total;
  std::vector<std::string> notes; // lines of the heading: "Focus: regex"
};

// Heading and table: own value (flat), its share, the shares' running sum, total value (cum) and
// its share, name. The profile hangs together (check_consistent).
void write_text(const perftools::profiles::Profile& profile, const TextOptions& options,
                std::ostream& out);

// The heading alone: executable, sample type, time, duration, notes, how much of what is shown.
void write_heading(const perftools::profiles::Profile& profile, const TextOptions& options,
                   const FunctionGraph& graph, size_t shown, const ValueFormat& format,
                   std::ostream& out);

// How many of the graph's functions `top` lets through.
size_t shown_functions(const FunctionGraph& graph, size_t top);

// The format that suits the functions shown.
ValueFormat table_format(const perftools::profiles::Profile& profile, int value_index,
                         const FunctionGraph& graph, size_t shown, int64_t total);

// A name as a table shows it: on one line, and without a command to the terminal, whatever its
// bytes are.
std::string display_name(std::string_view name, bool long_names);

// The same of a function, with its file and line where it has one.
std::string display_name(const FunctionNode& function, bool long_names);

} // namespace pprofd
