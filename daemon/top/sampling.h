// The sampling behind the live view: one collector with a window for each interval, its profiles
// added to what is shown as soon as they have their names. One thread.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "daemon/cli/top_options.h"
#include "daemon/collect/collector.h"
#include "daemon/compose/process_profile.h"
#include "daemon/target/target_filter.h"
#include "daemon/top/data/live_samples.h"
#include "symbolizer/base/result.h"

namespace pprofd::top {

class Sampling {
public:
  // Loads the programs and begins. Signals that are to be taken by descriptor are blocked before.
  static Result<std::unique_ptr<Sampling>> start(const TopOptions& options);
  Sampling(const Sampling&) = delete;
  Sampling& operator=(const Sampling&) = delete;

  // Waits until `fd` is readable or there is something to do here.
  void wait(int fd);
  // Takes in what has come. Returns how many intervals were added.
  size_t tick(LiveSamples& into);

  // While the program is stopped nobody reads samples, so none are taken.
  void pause();
  Result<void> resume();

  // Whether all processes that were named by pid have ended.
  [[nodiscard]] bool target_ended() const { return filter_.all_pids_ended(); }
  // Why there may be nothing to see; empty: something matched.
  [[nodiscard]] std::string why_nothing() const;
  // The end: the interval that runs, and all that wait for names, are added.
  size_t finish(LiveSamples& into);

private:
  using Clock = std::chrono::steady_clock;

  Sampling(const TopOptions& options, TargetFilter filter);
  size_t take_ready(LiveSamples& into);
  void add(const CollectedWindow& window, LiveSamples& into);

  TargetFilter filter_;
  bool all_;
  std::chrono::nanoseconds interval_;
  RecordingInfo info_;
  KernelNames kernel_;
  std::unique_ptr<Collector> collector_;
  Clock::time_point next_;
};

} // namespace pprofd::top
