// What makes a CPU take a sample: a perf event and the meaning of its count.
#pragma once

#include <linux/perf_event.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pprofd {

struct SamplingEvent {
  std::string_view name; // as --event takes it; also the profile's sample type
  uint32_t type;         // perf_event_attr.type
  uint64_t config;       // perf_event_attr.config
  std::string_view unit; // of a sample's value: "nanoseconds" or "count"

  // The CPU clock ticks at a fixed period, so each sample stands for exactly that time; hardware
  // events run in frequency mode, where the kernel says per sample how many events it stands for.
  [[nodiscard]] bool is_clock() const { return unit == "nanoseconds"; }
};

// All events pprofd knows, the default first.
std::span<const SamplingEvent> sampling_events();

// The event of that name, if there is one.
std::optional<SamplingEvent> find_sampling_event(std::string_view name);

} // namespace pprofd
