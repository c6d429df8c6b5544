// One recording, from the first sample to the collector's last: sampling until the duration is
// over, the target has ended or the user stops it.
//
// One thread. What becomes of the samples is the business of record_output.h.
#pragma once

#include <chrono>
#include <memory>
#include <optional>

#include "daemon/cli/record_options.h"
#include "daemon/collect/collector.h"
#include "daemon/compose/process_profile.h"
#include "daemon/record/command.h"
#include "daemon/record/stop_signals.h"
#include "daemon/record/target_filter.h"
#include "symbolizer/base/result.h"

namespace pprofd {

class Recording {
public:
  // Checks the target, prepares the command, loads the programs. Nothing is sampled yet.
  static Result<std::unique_ptr<Recording>> prepare(const RecordOptions& options);

  // Samples until the end, then completes accounting and names.
  Result<void> run();

  [[nodiscard]] const Collector& collector() const { return *collector_; }
  [[nodiscard]] const RecordingInfo& info() const { return info_; }
  [[nodiscard]] const TargetFilter& filter() const { return filter_; }
  [[nodiscard]] const Target& target() const { return options_.target; }
  // Why there is nothing to write, where that is so.
  [[nodiscard]] std::string why_nothing() const;
  // The started command; none without one.
  std::optional<Command>& command() { return command_; }
  // Names that did not come in time are missing from the profiles.
  [[nodiscard]] bool names_late() const { return names_late_; }

private:
  Recording(const RecordOptions& options, TargetFilter filter, StopSignals signals);

  Result<void> start();
  void sample_until_end();
  [[nodiscard]] bool target_ended();
  void wait_for_tick();

  const RecordOptions& options_;
  TargetFilter filter_;
  StopSignals signals_;
  std::optional<Command> command_;
  std::unique_ptr<Collector> collector_;
  RecordingInfo info_;
  std::chrono::steady_clock::time_point started_;
  bool names_late_ = false;
};

} // namespace pprofd
