#include "daemon/process/process.h"

#include <unistd.h>

namespace pprofd {

namespace {

// A fork event is stamped a moment after the child's start time was taken; how long a moment
// depends on the load. Within it no pid comes around again.
constexpr uint64_t kForkDelay = 1'000'000'000;

uint64_t ns_per_tick() {
  static const auto kHz = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  return 1'000'000'000 / kHz;
}

} // namespace

uint64_t ticks_of(uint64_t boot_time_ns) {
  return boot_time_ns / ns_per_tick();
}

uint64_t time_of_ticks(uint64_t ticks) {
  return ticks * ns_per_tick();
}

uint64_t Process::start_ticks() const {
  return ticks_of(start_time);
}

bool Process::started_at(uint64_t start_time_ns) const {
  switch (start_precision) {
  case StartPrecision::exact:
    return start_time == start_time_ns;
  case StartPrecision::tick:
    return start_ticks() == ticks_of(start_time_ns);
  case StartPrecision::fork:
    return start_time_ns <= start_time && start_time - start_time_ns <= kForkDelay;
  }
  return false;
}

bool Process::started_at_tick(uint64_t ticks) const {
  if (start_precision != StartPrecision::fork)
    return start_ticks() == ticks;
  return ticks <= start_ticks() && start_ticks() - ticks <= ticks_of(kForkDelay);
}

} // namespace pprofd
