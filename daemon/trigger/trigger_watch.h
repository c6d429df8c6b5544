// Decides when a process is looked at closer: by the rules of the configuration, and where its CPU
// use, its thread count or its share of waiting for a CPU leaves its own recent range
// (recent_range.h) in two readings in a row.
//
// Bounded: a process is not looked at again before `every` has gone by (a rule's own, or the
// watch's), and all of them together at most `most_an_hour` times in any hour. What holds and is
// held back for that is counted once, as suppressed, and is looked at when its time has come, if it
// still holds then.
//
// State is kept of processes that were read in the round before or in this one. One thread; time
// is the caller's.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "daemon/trigger/condition.h"
#include "daemon/trigger/metric.h"
#include "daemon/trigger/recent_range.h"
#include "symbolizer/base/rate_bound.h"

namespace pprofd {

// Why a process is looked at, and what was measured.
struct TriggerFiring {
  std::optional<size_t> rule; // none: it left its range
  std::string reason;         // "cpu > 80% for 10s", "range cpu"
  TriggerMetric metric = TriggerMetric::kCpu;
  double value = 0;                     // of the metric, at this reading
  std::optional<TriggerReading> before; // usual values before it began; none: nothing was known
};

class TriggerWatch {
public:
  // Of the caller's clock.
  using Time = std::chrono::nanoseconds;

  struct Rule {
    TriggerCondition condition;
    std::chrono::nanoseconds every{0};
  };
  struct Options {
    std::vector<Rule> rules;
    bool ranges = false;
    std::chrono::nanoseconds history{0};
    std::chrono::nanoseconds every{0}; // of ranges
    uint64_t most_an_hour = 0;
  };
  // By how much at least a value lies above its range, in the metric's unit.
  static constexpr TriggerReading kLeastAbove{{20, 8, 20}};
  static constexpr unsigned kReadingsInARow = 2;

  explicit TriggerWatch(Options options)
      : options_(std::move(options)), bound_(options_.most_an_hour, std::chrono::hours(1)) {}

  // A round of readings begins.
  void begin_round();
  // One reading of a process (Process::serial), to which those of the rules apply for which
  // `concerns` says so (in their order). With `may_fire` false nothing fires, and nothing is
  // counted.
  std::optional<TriggerFiring> observe(uint64_t process, const TriggerReading& reading, Time now,
                                       const std::vector<bool>& concerns, bool may_fire);
  // Processes that were not read in this round are forgotten.
  void end_round();

  // What is usual of a process; nothing: it was not read yet.
  [[nodiscard]] std::optional<TriggerReading> usual(uint64_t process) const;
  [[nodiscard]] uint64_t suppressed() const { return suppressed_; }
  [[nodiscard]] size_t processes() const { return processes_.size(); }

private:
  // Something that holds, and since when.
  struct Episode {
    std::optional<Time> since;
    unsigned readings = 0;
    bool told = false; // it has fired or was counted as suppressed
    std::optional<TriggerReading> before;
  };
  struct Watched {
    std::vector<Episode> rules;
    std::array<Episode, kTriggerMetrics> leaving; // the range
    std::array<RecentRange, kTriggerMetrics> ranges;
    std::optional<Time> read;
    std::optional<Time> fired;
    uint64_t round = 0;
  };

  static void follow(Episode& episode, bool holds, Time now,
                     const std::optional<TriggerReading>& usual);
  bool admit(Watched& watched, Episode& episode, Time now, std::chrono::nanoseconds every);
  static std::optional<TriggerReading> usual_of(const Watched& watched);

  Options options_;
  std::unordered_map<uint64_t, Watched> processes_;
  RateBound bound_;
  uint64_t round_ = 0;
  uint64_t suppressed_ = 0;
};

} // namespace pprofd
