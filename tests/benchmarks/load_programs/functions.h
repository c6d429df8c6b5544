// What the program `functions` and its libraries know of each other.
#pragma once

#include <cstddef>
#include <cstdint>

// Functions that call each other at random through `all`.
struct Functions {
  using Call = uint64_t (*)(const Functions& all, unsigned depth, uint64_t value);
  const Call* all;
  size_t count;

  uint64_t next(unsigned depth, uint64_t value) const {
    return all[(value >> 33) % count](*this, depth, value);
  }
};

constexpr size_t kFunctionsOfLibrary = 1000;
