// How long to leave a server alone that does not do what it is asked for: from one second on twice
// as long each time, up to a minute, with jitter, so that a fleet does not come back at one
// instant. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace pprofd {

class BackOff {
public:
  static constexpr std::chrono::milliseconds kFirst{1'000};
  static constexpr std::chrono::milliseconds kLongest{60'000};
  // Longer waits than this are not obeyed: who asks for a year has a wrong clock.
  static constexpr std::chrono::seconds kLongestAsked{3'600};

  // The pause after another failure. `asked`: what the backend said (Retry-After), which is waited
  // for in any case. `random`: any number.
  std::chrono::milliseconds failed(std::optional<std::chrono::seconds> asked, uint32_t random);
  void succeeded() { pause_ = std::chrono::milliseconds(0); }

private:
  std::chrono::milliseconds pause_{0}; // the last one, without jitter
};

} // namespace pprofd
