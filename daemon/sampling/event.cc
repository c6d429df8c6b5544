#include "daemon/sampling/event.h"

#include <algorithm>
#include <array>

namespace pprofd {

namespace {

constexpr std::array kEvents{
    SamplingEvent{"cpu-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, "nanoseconds"},
    SamplingEvent{"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, "count"},
    SamplingEvent{"instructions", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, "count"},
    SamplingEvent{"cache-references", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_REFERENCES, "count"},
    SamplingEvent{"cache-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES, "count"},
    SamplingEvent{"branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_INSTRUCTIONS, "count"},
    SamplingEvent{"branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES, "count"},
};

} // namespace

std::span<const SamplingEvent> sampling_events() {
  return kEvents;
}

std::optional<SamplingEvent> find_sampling_event(std::string_view name) {
  const auto* found = std::ranges::find(kEvents, name, &SamplingEvent::name);
  if (found == kEvents.end())
    return std::nullopt;
  return *found;
}

} // namespace pprofd
