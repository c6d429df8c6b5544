// Sums of values that stop at the end of their range: a hostile profile must not wrap around.
#pragma once

#include <cstdint>
#include <limits>

namespace pprofd {

inline int64_t saturating_add(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum))
    return sum;
  return a > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

inline int64_t saturating_subtract(int64_t a, int64_t b) {
  int64_t difference = 0;
  if (!__builtin_sub_overflow(a, b, &difference))
    return difference;
  return a > 0 ? std::numeric_limits<int64_t>::max() : std::numeric_limits<int64_t>::min();
}

// |a|, which for the least number there is does not fit.
inline int64_t magnitude(int64_t a) {
  return a < 0 ? saturating_subtract(0, a) : a;
}

} // namespace pprofd
