// What servers are known not to have, for a while, so that it is not asked for again and again.
// Bounded: what was noted first is forgotten first. Pure; one thread at a time.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <string>
#include <unordered_map>

namespace pprofd {

class Absences {
public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::minutes kLife{60};
  static constexpr size_t kMost = 4096;

  void note(const std::string& build_id, Time now);
  [[nodiscard]] bool holds(const std::string& build_id, Time now) const;

private:
  std::unordered_map<std::string, Time> until_;
  std::deque<std::string> order_; // each of `until_` once
};

} // namespace pprofd
