#include "daemon/net/back_off.h"

#include <algorithm>

namespace pprofd {

using std::chrono::milliseconds;

milliseconds BackOff::failed(std::optional<std::chrono::seconds> asked, uint32_t random) {
  pause_ = std::clamp(2 * pause_, kFirst, kLongest);
  const auto part = [random](milliseconds whole) {
    return milliseconds(whole.count() * static_cast<int64_t>(random) / UINT32_MAX);
  };
  const milliseconds own = pause_ / 2 + part(pause_ / 2);
  if (!asked)
    return own;
  const milliseconds least = std::clamp(*asked, std::chrono::seconds(0), kLongestAsked);
  return std::max(own, least + part(least / 10));
}

} // namespace pprofd
