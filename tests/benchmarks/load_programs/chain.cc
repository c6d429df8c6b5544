// chain: spends its time at the end of DEPTH calls (a macro), each of a function of its own with a
// frame of its own size, until it is killed.
#include <cstddef>
#include <cstdint>

namespace {

volatile uint64_t sink;

[[gnu::noinline]] uint64_t spin(uint64_t value) {
  for (int i = 0; i < 20000; ++i)
    value = value * 6364136223846793005U + 1442695040888963407U;
  return value;
}

template <size_t Level> [[gnu::noinline]] uint64_t descend(uint64_t value) {
  volatile unsigned char room[16 + Level * 104 % 384];
  room[value % sizeof room] = static_cast<unsigned char>(value);
  const uint64_t below = [&] {
    if constexpr (Level > 1)
      return descend<Level - 1>(value + Level);
    else
      return spin(value);
  }();
  return below ^ room[below % sizeof room]; // the frame is needed after the call
}

} // namespace

int main() {
  for (;;)
    sink = descend<DEPTH>(sink);
}
