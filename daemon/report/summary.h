// The hottest functions over any number of profiles, for the end of a recording: profiles are added
// one after the other and need not be kept. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/profile/profile_builder.h"

namespace pprofd {

class HotFunctions {
public:
  // Counts the profile's default sample type; all profiles have the same types.
  void add(const perftools::profiles::Profile& profile);

  // A heading and a line for each of the hottest functions: own value and its share, value with
  // callees and its share, name. Empty where nothing was counted.
  [[nodiscard]] std::vector<std::string> lines(size_t count, bool long_names = false) const;

private:
  struct Values {
    int64_t self = 0, total = 0;
  };
  std::unordered_map<std::string, Values> functions_;
  std::string unit_;
  int64_t total_ = 0;
};

} // namespace pprofd
