// What of debuginfod is chosen. Plain data.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace pprofd {

struct DebuginfodChoice {
  std::vector<std::string> servers;      // as parse_debug_servers() has them; none: off
  std::chrono::milliseconds patience{0}; // how long is waited for what is fetched
  bool operator==(const DebuginfodChoice&) const = default;
};

} // namespace pprofd
