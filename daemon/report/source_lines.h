// What each source line of functions accounts for. Pure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/profile/profile_builder.h"

namespace pprofd {

struct LineValues {
  int64_t flat = 0; // of samples whose innermost frame is at this line
  int64_t cum = 0;  // of samples with a frame at this line, once a sample
};

// A function, as far as it stands in one source file.
struct SourceFunction {
  std::string name;
  std::string file;       // empty: not known
  int64_t start_line = 0; // 0: not known
  int64_t flat = 0, cum = 0;
  std::map<int64_t, LineValues> lines; // 0: not known which
};

// The functions whose names `wanted` accepts, by name and file. Values are the profile's at
// `value_index`; it hangs together (check_consistent).
std::vector<SourceFunction> source_functions(const perftools::profiles::Profile& profile,
                                             int value_index,
                                             const std::function<bool(std::string_view)>& wanted);

} // namespace pprofd
