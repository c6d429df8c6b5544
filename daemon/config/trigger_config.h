// When processes are looked at closer: the table [triggers] and the tables [[trigger]] of the
// service's configuration, checked. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/cli/table/parser.h"
#include "daemon/trigger/condition.h"
#include "symbolizer/base/result.h"

namespace pprofd {

// What is taken, and how often at most.
struct TriggeredProfile {
  unsigned frequency = 0; // Hz per CPU
  std::chrono::nanoseconds duration{0};
  std::chrono::nanoseconds every{0}; // of one process, at least so far apart

  bool operator==(const TriggeredProfile&) const = default;
};

struct TriggerRule {
  TriggerCondition when;
  std::vector<std::string> match; // KEY:GLOB, all make sense; empty: all processes
  TriggeredProfile profile;

  bool operator==(const TriggerRule&) const = default;
};

struct TriggerConfig {
  bool ranges = false;
  bool deaths = false;                  // whether those by signals have a profile
  std::chrono::nanoseconds past{0};     // how far back samples are kept for it
  std::chrono::nanoseconds interval{0}; // of readings
  std::chrono::nanoseconds history{0};  // that a range is made of
  TriggeredProfile profile;             // of ranges; what rules do not say themselves
  uint64_t most_an_hour = 0;            // of all processes
  std::vector<TriggerRule> rules;

  // Whether deaths leave a profile: of what is kept.
  [[nodiscard]] bool keeps_deaths() const { return deaths && past.count() != 0; }
  // Whether anything is to be read.
  [[nodiscard]] bool reads() const { return ranges || !rules.empty(); }
  bool operator==(const TriggerConfig&) const = default;
};

// The keys of a table [[trigger]].
std::span<const OptionSpec> trigger_options();

// The table [triggers], from the options of `pprofd run`; no rules yet. Errors: times that make no
// sense together.
Result<TriggerConfig> make_trigger_config(const Arguments& arguments);

// The tables [[trigger]]; what they leave out is `usual`. Errors: what is wrong, with file, line
// and what to write instead.
Result<std::vector<TriggerRule>> read_trigger_rules(std::string_view text, const std::string& path,
                                                    const TriggeredProfile& usual);

} // namespace pprofd
