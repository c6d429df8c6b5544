// The events that can take samples: names as perf has them, and what perf_event_open(2) wants for
// them. Whether the machine has a hardware event is found by trying (doctor).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "daemon/cli/table/option_table.h"

namespace pprofd {

struct PerfEvent {
  std::string_view name;
  std::string_view help;
  uint32_t type;   // PERF_TYPE_SOFTWARE or PERF_TYPE_HARDWARE
  uint64_t config; // PERF_COUNT_SW_…, PERF_COUNT_HW_…
};

// cpu-clock first.
std::span<const PerfEvent> perf_events();
// nullptr if there is none of that name.
const PerfEvent* find_perf_event(std::string_view name);

// The same as an option's choices.
std::span<const Choice> perf_event_choices();

} // namespace pprofd
