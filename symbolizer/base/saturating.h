// Arithmetic on numbers that a file states and that may overflow.
#pragma once

#include <cstdint>

namespace pprofd {

// a + b, or the largest number there is.
inline uint64_t saturating_add(uint64_t a, uint64_t b) {
  uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

} // namespace pprofd
