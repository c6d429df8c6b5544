// names: spends its time in functions whose names are mangled by C++, Rust v0 and Rust legacy rules
// (those of names.S), in turn, until SIGTERM.
#include <vector>

#include "tests/workloads/workload.h"

namespace shop {

template <typename T> class Basket {
public:
  WORKLOAD_NOINLINE void total(const std::vector<T>& prices) {
    volatile T sum = 0;
    for (int round = 0; round < 100; ++round)
      for (const T price : prices)
        sum = sum + price;
  }
};

} // namespace shop

extern "C" {
void rust_v0() __asm__("_RNvXCs1234_7mycrateNtB2_4CartNtB2_5Total5total");
void rust_legacy() __asm__("_ZN7mycrate4cart5total17h0123456789abcdefE");
void not_mangled() __asm__("_Znot_a_mangled_name");
}

int main() {
  const std::vector<int> prices(1000, 3);
  shop::Basket<int> basket;
  workload_stop_on_signal();
  workload_ready();
  while (workload_stop_requested == 0) {
    basket.total(prices);
    rust_v0();
    rust_legacy();
    not_mangled();
  }
  return 0;
}
