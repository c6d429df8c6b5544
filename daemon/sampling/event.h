// What makes a CPU take a sample: a perf event and the meaning of its count.
#pragma once

#include <linux/perf_event.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace pprofd {

struct SamplingEvent {
  std::string_view name; // as perf and --event have it; also the profile's sample type
  std::string_view help;
  uint32_t type;         // perf_event_attr.type
  uint64_t config;       // perf_event_attr.config
  std::string_view unit; // of a sample's value: "nanoseconds" or "count"

  // The CPU clock ticks at a fixed period, so each sample stands for exactly that time; hardware
  // events run in frequency mode, where the kernel says per sample how many events it stands for.
  [[nodiscard]] bool is_clock() const { return unit == "nanoseconds"; }
};

constexpr SamplingEvent hardware_event(std::string_view name, std::string_view help,
                                       uint64_t config) {
  return {name, help, PERF_TYPE_HARDWARE, config, "count"};
}

// All events pprofd knows, the default first. Whether a machine has a hardware event is found by
// trying.
inline constexpr std::array kSamplingEvents{
    SamplingEvent{"cpu-clock", "time on a CPU, by the kernel's timer; every machine has it",
                  PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CPU_CLOCK, "nanoseconds"},
    hardware_event("cycles", "cycles of the CPU", PERF_COUNT_HW_CPU_CYCLES),
    hardware_event("ref-cycles", "cycles at the reference frequency", PERF_COUNT_HW_REF_CPU_CYCLES),
    hardware_event("bus-cycles", "cycles of the bus", PERF_COUNT_HW_BUS_CYCLES),
    hardware_event("instructions", "instructions retired", PERF_COUNT_HW_INSTRUCTIONS),
    hardware_event("cache-references", "last-level cache accesses", PERF_COUNT_HW_CACHE_REFERENCES),
    hardware_event("cache-misses", "last-level cache misses", PERF_COUNT_HW_CACHE_MISSES),
    hardware_event("branches", "branch instructions retired", PERF_COUNT_HW_BRANCH_INSTRUCTIONS),
    hardware_event("branch-misses", "mispredicted branches", PERF_COUNT_HW_BRANCH_MISSES),
    hardware_event("stalled-cycles-frontend", "cycles waiting for instructions",
                   PERF_COUNT_HW_STALLED_CYCLES_FRONTEND),
    hardware_event("stalled-cycles-backend", "cycles waiting for data or units",
                   PERF_COUNT_HW_STALLED_CYCLES_BACKEND),
};

// The event of that name; nullptr: there is none.
constexpr const SamplingEvent* find_sampling_event(std::string_view name) {
  const auto* found = std::ranges::find(kSamplingEvents, name, &SamplingEvent::name);
  return found == kSamplingEvents.end() ? nullptr : found;
}

} // namespace pprofd
