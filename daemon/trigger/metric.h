// What is measured of a process to decide whether it is looked at closer. Plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pprofd {

enum class TriggerMetric : uint8_t {
  kCpu,      // CPU time, in per cent of one CPU
  kThreads,  // how many there are
  kRunQueue, // time that threads were ready and had no CPU, in per cent: 100 is one thread, always
};
inline constexpr size_t kTriggerMetrics = 3;

// As rules, comments and messages have them.
inline constexpr std::array<std::string_view, kTriggerMetrics> kTriggerMetricNames = {
    "cpu", "threads", "run_queue"};

constexpr std::string_view name_of(TriggerMetric metric) {
  return kTriggerMetricNames.at(static_cast<size_t>(metric));
}
constexpr bool is_percent(TriggerMetric metric) {
  return metric != TriggerMetric::kThreads;
}

// One value of each, in the metric's unit.
struct TriggerReading {
  std::array<double, kTriggerMetrics> values{};

  double& operator[](TriggerMetric metric) { return values.at(static_cast<size_t>(metric)); }
  double operator[](TriggerMetric metric) const { return values.at(static_cast<size_t>(metric)); }
};

// "97.3%", "31"
std::string value_text(TriggerMetric metric, double value);

// Each value as a comment of a profile, PREFIX and the metric's name its key.
void add_readings(const std::string& prefix, const TriggerReading& reading,
                  std::vector<std::pair<std::string, std::string>>& comments);

} // namespace pprofd
