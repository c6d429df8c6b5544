#include "daemon/record/recording.h"

#include <unistd.h>

#include <algorithm>

#include "daemon/cli/progress_line.h"
#include "daemon/doctor/probes.h"

namespace pprofd {

namespace {

using std::chrono::steady_clock;

// How often the ring buffer is drained when nothing asks for it earlier.
constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kNamesAtMost{15'000};
constexpr std::chrono::milliseconds kIndexesAtMost{300}; // somebody waits for the prompt

RecordingInfo describe(const RecordOptions& options, const SamplingEvent& event) {
  RecordingInfo info = describe_machine();
  info.event = event;
  info.frequency = options.frequency;
  info.symbolized = !options.raw;
  return info;
}

int64_t wall_clock_nanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

} // namespace

Recording::Recording(const RecordOptions& options, TargetFilter filter, Signals signals)
    : options_(options), filter_(std::move(filter)), signals_(std::move(signals)) {}

Result<std::unique_ptr<Recording>> Recording::prepare(const RecordOptions& options) {
  auto filter = TargetFilter::create(options.target);
  if (!filter)
    return std::unexpected(filter.error());
  if (auto cache = IndexCache::open_chosen(options.indexes); !cache)
    return std::unexpected(cache.error());
  auto signals = Signals::block({SIGINT, SIGTERM, SIGHUP, SIGCHLD});
  if (!signals)
    return std::unexpected(signals.error());
  std::unique_ptr<Recording> recording(
      new Recording(options, std::move(*filter), std::move(*signals)));
  // Forked before there are threads and descriptors.
  if (!options.target.command.empty()) {
    auto command = Command::prepare(options.target.command, options.target.as_root);
    if (!command)
      return std::unexpected(command.error());
    recording->command_.emplace(std::move(*command));
  }
  take_precedence();
  const SamplingEvent event = *find_sampling_event(options.event);
  recording->info_ = describe(options, event);
  CollectorOptions collector{.sampler = {.event = event,
                                         .frequency = options.frequency,
                                         .kernel_stacks = options.kernel,
                                         .user_stacks = options.user,
                                         .default_verdict = recording->filter_.default_verdict()},
                             .worker = {.demangle = options.demangle},
                             .names = !options.raw,
                             .index_folder = options.indexes.folder,
                             .debuginfod = options.debuginfod};
  auto created = Collector::create(collector);
  if (!created)
    return std::unexpected(explain_start_failure({}, created.error()));
  recording->collector_ = std::move(*created);
  return recording;
}

Result<void> Recording::start() {
  if (auto installed = filter_.install(*collector_); !installed)
    return installed;
  if (command_) {
    if (auto included = filter_.include_command(command_->pid()); !included)
      return included;
  }
  info_.time_nanos = wall_clock_nanos();
  started_ = steady_clock::now();
  if (auto started = collector_->start(); !started)
    return started;
  return command_ ? command_->release() : Result<void>();
}

Result<void> Recording::run() {
  if (auto started = start(); !started)
    return started;
  sample_until_end();
  info_.duration_nanos = std::chrono::nanoseconds(steady_clock::now() - started_).count();
  // From here on there is output to write: another Ctrl-C ends that at once.
  Signals::release({SIGINT, SIGTERM, SIGHUP});
  names_late_ = !collector_->finish(kNamesAtMost);
  fetch_troubles_ = collector_->take_fetch_troubles();
  info_.unattributed_drops = window().totals.unattributed_drops;
  return {};
}

void Recording::finish_indexes() {
  collector_->finish_indexes(kIndexesAtMost);
}

std::string Recording::why_nothing() const {
  if (!filter_.matched() && !options_.target.all)
    return "no process matched while it ran";
  return "no process was on a CPU when a sample was taken";
}

// SIGCHLD only wakes.
bool Recording::stop_asked() {
  const auto signals = signals_.take();
  stop_ = stop_ || std::ranges::any_of(signals, [](int signal) { return signal != SIGCHLD; });
  return stop_;
}

bool Recording::target_ended() {
  return (command_ && command_->poll()) || filter_.all_pids_ended();
}

void Recording::sample_until_end() {
  ProgressLine progress(STDERR_FILENO);
  while (true) {
    collector_->wait_for_work(signals_.fd(), next_tick());
    const bool stop = stop_asked() || target_ended();
    collector_->tick();
    filter_.tick();
    const auto elapsed = steady_clock::now() - started_;
    if (stop || target_ended() || (options_.duration && elapsed >= *options_.duration))
      return;
    if (progress.active()) {
      const CollectorTotals totals = collector_->totals();
      progress.update({.elapsed = elapsed,
                       .duration = options_.duration,
                       .samples = totals.taken(),
                       .processes = window().processes.size(),
                       .dropped = totals.dropped()});
    }
  }
}

std::chrono::nanoseconds Recording::next_tick() const {
  const std::chrono::nanoseconds tick = kTick;
  return options_.duration ? std::min(tick, *options_.duration - (steady_clock::now() - started_))
                           : tick;
}

} // namespace pprofd
