// One recording, from the first sample to the collector's last: sampling until the duration is
// over, the target has ended or the user stops it.
//
// One thread. What becomes of the samples is the business of record_output.h.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/cli/record_options.h"
#include "daemon/collect/collector.h"
#include "daemon/compose/process_profile.h"
#include "daemon/record/command.h"
#include "daemon/signals/signals.h"
#include "daemon/target/target_filter.h"
#include "symbolizer/base/result.h"

namespace pprofd {

class Recording {
public:
  // Checks the target, prepares the command, loads the programs. Nothing is sampled yet.
  static Result<std::unique_ptr<Recording>> prepare(const RecordOptions& options);

  // Samples until the end, then completes accounting and names.
  Result<void> run();

  [[nodiscard]] const Collector& collector() const { return *collector_; }
  // What was collected.
  [[nodiscard]] const CollectedWindow& window() const { return collector_->current(); }
  [[nodiscard]] const RecordingInfo& info() const { return info_; }
  [[nodiscard]] const TargetFilter& filter() const { return filter_; }
  [[nodiscard]] const Target& target() const { return options_.target; }
  // Why there is nothing to write, where that is so.
  [[nodiscard]] std::string why_nothing() const;
  // The started command; none without one.
  std::optional<Command>& command() { return command_; }
  // Lets indexes become ready that are being made (a short while; Ctrl-C ends it): the next
  // recording has the use of it. When all that was asked for is done.
  void finish_indexes();
  // Names that did not come in time are missing from the profiles.
  [[nodiscard]] bool names_late() const { return names_late_; }
  // What went wrong with debuginfod servers.
  [[nodiscard]] const std::vector<Error>& fetch_troubles() const { return fetch_troubles_; }

private:
  Recording(const RecordOptions& options, TargetFilter filter, Signals signals);

  Result<void> start();
  void sample_until_end();
  bool stop_asked();
  [[nodiscard]] bool target_ended();
  [[nodiscard]] std::chrono::nanoseconds next_tick() const;

  const RecordOptions& options_;
  TargetFilter filter_;
  Signals signals_;
  std::optional<Command> command_;
  std::unique_ptr<Collector> collector_;
  RecordingInfo info_;
  std::chrono::steady_clock::time_point started_;
  bool stop_ = false;
  bool names_late_ = false;
  std::vector<Error> fetch_troubles_;
};

} // namespace pprofd
