// The lists there are, and their orders.
#pragma once

#include <cstdint>

namespace pprofd::top {

enum class View : uint8_t { kFunctions, kProcesses, kThreads };
enum class Order : uint8_t { kSelf, kTotal };

} // namespace pprofd::top
