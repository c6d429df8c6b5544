#include "daemon/cli/perf_events.h"

#include <linux/perf_event.h>

#include <algorithm>
#include <array>

namespace pprofd {
namespace {

constexpr std::array<PerfEvent, 11> kEvents = {{
    {"cpu-clock", "time on a CPU, by the kernel's timer; every machine has it", PERF_TYPE_SOFTWARE,
     PERF_COUNT_SW_CPU_CLOCK},
    {"cycles", "cycles of the CPU", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES},
    {"ref-cycles", "cycles at the reference frequency", PERF_TYPE_HARDWARE,
     PERF_COUNT_HW_REF_CPU_CYCLES},
    {"bus-cycles", "cycles of the bus", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BUS_CYCLES},
    {"instructions", "instructions retired", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
    {"cache-references", "last-level cache accesses", PERF_TYPE_HARDWARE,
     PERF_COUNT_HW_CACHE_REFERENCES},
    {"cache-misses", "last-level cache misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
    {"branches", "branch instructions retired", PERF_TYPE_HARDWARE,
     PERF_COUNT_HW_BRANCH_INSTRUCTIONS},
    {"branch-misses", "mispredicted branches", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES},
    {"stalled-cycles-frontend", "cycles waiting for instructions", PERF_TYPE_HARDWARE,
     PERF_COUNT_HW_STALLED_CYCLES_FRONTEND},
    {"stalled-cycles-backend", "cycles waiting for data or units", PERF_TYPE_HARDWARE,
     PERF_COUNT_HW_STALLED_CYCLES_BACKEND},
}};

constexpr auto kChoices = [] {
  std::array<Choice, kEvents.size()> choices;
  std::ranges::transform(kEvents, choices.begin(),
                         [](const PerfEvent& event) { return Choice{event.name, event.help}; });
  return choices;
}();

} // namespace

std::span<const PerfEvent> perf_events() {
  return kEvents;
}

std::span<const Choice> perf_event_choices() {
  return kChoices;
}

const PerfEvent* find_perf_event(std::string_view name) {
  const auto found = std::ranges::find(kEvents, name, &PerfEvent::name);
  return found == kEvents.end() ? nullptr : &*found;
}

} // namespace pprofd
