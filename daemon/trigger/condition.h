// The rule of a trigger as the configuration has it:
//
//   cpu > 80% for 10s        METRIC > VALUE [for TIME]
//
// METRIC is cpu, threads or run_queue (metric.h); VALUE has its unit, a per cent sign or none.
// Without a time the first reading counts. Pure.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "daemon/trigger/metric.h"
#include "symbolizer/base/result.h"

namespace pprofd {

struct TriggerCondition {
  TriggerMetric metric = TriggerMetric::kCpu;
  double above = 0; // in the metric's unit
  std::chrono::nanoseconds lasting{0};

  [[nodiscard]] bool holds(const TriggerReading& reading) const { return reading[metric] > above; }
  bool operator==(const TriggerCondition&) const = default;
};

// An Error's `what` is the text in quotes, its hint a right form.
Result<TriggerCondition> parse_condition(std::string_view text);

// The shortest text that means the same: what names it in profiles.
std::string condition_text(const TriggerCondition& condition);

} // namespace pprofd
