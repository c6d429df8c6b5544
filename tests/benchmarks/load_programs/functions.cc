// A library of many functions; each has a frame and registers to save that differ from the others'.
// The macro LIBRARY makes libraries differ.
#include "functions.h"

#include <array>
#include <utility>

namespace {

uint64_t spin(uint64_t value) {
  for (int i = 0; i < 5000; ++i)
    value = value * 6364136223846793005U + 1;
  return value;
}

template <size_t Number>
[[gnu::noinline]] uint64_t function(const Functions& all, unsigned depth, uint64_t value) {
  constexpr size_t kMixed = (Number + LIBRARY * kFunctionsOfLibrary) * 2654435761U >> 7;
  volatile unsigned char room[16 + kMixed % 48 * 8];
  room[value % sizeof room] = static_cast<unsigned char>(value);
  std::array<uint64_t, kMixed % 6> kept; // in registers that the callee saves
  for (size_t i = 0; i < kept.size(); ++i)
    kept[i] = (value + i) * (2 * kMixed + 1);
  const uint64_t mixed = value * 6364136223846793005U + kMixed;
  uint64_t result = depth > 0 ? all.next(depth - 1, mixed) : spin(mixed);
  for (const uint64_t word : kept)
    result ^= word;
  return result + room[result % sizeof room];
}

template <size_t... Number> constexpr auto list(std::index_sequence<Number...> /*numbers*/) {
  return std::array<Functions::Call, sizeof...(Number)>{function<Number>...};
}

} // namespace

extern "C" const std::array<Functions::Call, kFunctionsOfLibrary> functions =
    list(std::make_index_sequence<kFunctionsOfLibrary>());
