#include "daemon/trigger/metric.h"

#include <fmt/format.h>

namespace pprofd {

std::string value_text(TriggerMetric metric, double value) {
  return is_percent(metric) ? fmt::format("{:.1f}%", value) : fmt::format("{:.0f}", value);
}

void add_readings(const std::string& prefix, const TriggerReading& reading,
                  std::vector<std::pair<std::string, std::string>>& comments) {
  for (size_t at = 0; at < kTriggerMetrics; ++at) {
    const auto metric = static_cast<TriggerMetric>(at);
    comments.emplace_back(prefix + std::string(name_of(metric)),
                          value_text(metric, reading[metric]));
  }
}

} // namespace pprofd
