#include "daemon/record/recording.h"

#include <poll.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "daemon/cli/progress_line.h"
#include "daemon/doctor/probes.h"

namespace pprofd {

namespace {

using std::chrono::steady_clock;

// How often the ring buffer is drained when nothing asks for it earlier.
constexpr std::chrono::milliseconds kTick{100};
constexpr std::chrono::milliseconds kNamesAtMost{15'000};

RecordingInfo describe(const RecordOptions& options, const SamplingEvent& event) {
  utsname name{};
  uname(&name);
  return {.event = event,
          .frequency = options.frequency,
          .symbolized = !options.raw,
          .host = name.nodename,
          .kernel = name.release};
}

int64_t wall_clock_nanos() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Where all CPUs are taken, short processes and stacks that wait for rows would wait for us. What
// is needed is little; where more is not allowed it goes on as it was.
void take_precedence() {
  constexpr int kNice = -10;
  (void)setpriority(PRIO_PROCESS, 0, kNice);
}

} // namespace

Recording::Recording(const RecordOptions& options, TargetFilter filter, StopSignals signals)
    : options_(options), filter_(std::move(filter)), signals_(std::move(signals)) {}

Result<std::unique_ptr<Recording>> Recording::prepare(const RecordOptions& options) {
  auto filter = TargetFilter::create(options.target);
  if (!filter)
    return std::unexpected(filter.error());
  auto signals = StopSignals::block();
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
                             .names = !options.raw};
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
  signals_.release();
  names_late_ = !collector_->finish(kNamesAtMost);
  info_.unattributed_drops = collector_->totals().unattributed_drops;
  return {};
}

std::string Recording::why_nothing() const {
  if (!filter_.matched() && !options_.target.all)
    return "no process matched while it ran";
  return "no process was on a CPU when a sample was taken";
}

bool Recording::target_ended() {
  return (command_ && command_->poll()) || filter_.all_pids_ended();
}

void Recording::sample_until_end() {
  ProgressLine progress(STDERR_FILENO);
  while (true) {
    wait_for_tick();
    const bool stop = signals_.take() || target_ended();
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
                       .processes = collector_->collected().size(),
                       .dropped = totals.dropped()});
    }
  }
}

void Recording::wait_for_tick() {
  auto wait = std::chrono::duration_cast<std::chrono::nanoseconds>(kTick);
  if (options_.duration)
    wait = std::min(wait, *options_.duration - (steady_clock::now() - started_));
  wait = std::max(wait, std::chrono::nanoseconds(0));
  std::array<pollfd, 3> fds{{{.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                             {.fd = collector_->samples_fd(), .events = POLLIN, .revents = 0},
                             {.fd = collector_->events_fd(), .events = POLLIN, .revents = 0}}};
  const timespec timeout{.tv_sec = wait.count() / 1'000'000'000,
                         .tv_nsec = wait.count() % 1'000'000'000};
  ppoll(fds.data(), fds.size(), &timeout, nullptr);
  // A storm of mappings must not wake the reader for each of them.
  if (fds[2].revents != 0)
    std::this_thread::sleep_for(Sideband::kDrainInterval);
}

} // namespace pprofd
