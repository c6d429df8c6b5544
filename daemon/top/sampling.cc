#include "daemon/top/sampling.h"

#include <algorithm>
#include <utility>

#include "daemon/doctor/probes.h"

namespace pprofd::top {

namespace {

using std::chrono::nanoseconds;

constexpr std::chrono::milliseconds kTick{100};
// What has no rows or names by then is shown without, and with them in the intervals after.
constexpr std::chrono::milliseconds kRowsAtMost{1'000};
constexpr std::chrono::milliseconds kNamesAtMost{3'000};

} // namespace

Sampling::Sampling(const TopOptions& options, TargetFilter filter)
    : filter_(std::move(filter)), all_(options.target.all), interval_(options.interval),
      info_(describe_machine()) {
  info_.event = *find_sampling_event(options.event);
  info_.frequency = options.frequency;
}

Result<std::unique_ptr<Sampling>> Sampling::start(const TopOptions& options) {
  auto filter = TargetFilter::create(options.target);
  if (!filter)
    return std::unexpected(filter.error());
  if (auto cache = IndexCache::open_chosen(options.indexes); !cache)
    return std::unexpected(cache.error());
  take_precedence();
  std::unique_ptr<Sampling> sampling(new Sampling(options, std::move(*filter)));
  auto collector =
      Collector::create({.sampler = {.event = sampling->info_.event,
                                     .frequency = options.frequency,
                                     .kernel_stacks = options.kernel,
                                     .user_stacks = options.user,
                                     .default_verdict = sampling->filter_.default_verdict()},
                         .worker = {.demangle = options.demangle},
                         .index_folder = options.indexes.folder,
                         .debuginfod = options.debuginfod,
                         .rows_at_most = kRowsAtMost,
                         .names_at_most = kNamesAtMost});
  if (!collector)
    return std::unexpected(explain_start_failure({}, collector.error()));
  sampling->collector_ = std::move(*collector);
  if (auto installed = sampling->filter_.install(*sampling->collector_); !installed)
    return std::unexpected(installed.error());
  if (auto started = sampling->collector_->start(); !started)
    return std::unexpected(started.error());
  sampling->next_ = Clock::now() + sampling->interval_;
  return sampling;
}

void Sampling::wait(int fd) {
  const nanoseconds tick = kTick;
  collector_->wait_for_work(fd, std::min(tick, nanoseconds(next_ - Clock::now())));
}

size_t Sampling::tick(LiveSamples& into) {
  collector_->tick();
  filter_.tick();
  const auto now = Clock::now();
  if (now >= next_) {
    collector_->end_window();
    next_ = std::max(next_, now - interval_) + interval_;
  }
  return take_ready(into);
}

size_t Sampling::take_ready(LiveSamples& into) {
  size_t added = 0;
  while (const CollectedWindow* window = collector_->ready()) {
    add(*window, into);
    collector_->done();
    ++added;
  }
  return added;
}

void Sampling::add(const CollectedWindow& window, LiveSamples& into) {
  add_kernel_names(kernel_, window);
  const nanoseconds duration(window.end - window.begin);
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  info_.time_nanos = std::chrono::duration_cast<nanoseconds>(wall - duration).count();
  info_.duration_nanos = duration.count();
  IntervalBuilder builder(into.names(), duration, window.totals.unattributed_drops);
  for (const auto& process : window.processes) {
    if (process->aggregate.accounting().taken() == 0)
      continue;
    builder.add(
        {.identity = {.pid = process->process->pid, .start_ticks = process->process->start_ticks()},
         .comm = process->process->comm,
         .executable = process->executable_path(),
         .accounting = process->aggregate.accounting()},
        compose_profile(info_, *process, *collector_, kernel_).profile);
  }
  into.add(std::move(builder).finish());
}

void Sampling::pause() {
  collector_->tick();
  collector_->end_window(); // a window's time is one without a break
  collector_->pause();
}

Result<void> Sampling::resume() {
  next_ = Clock::now() + interval_;
  return collector_->resume();
}

std::string Sampling::why_nothing() const {
  return filter_.matched() || all_ ? std::string()
                                   : "no process matches " + filter_.description() + " so far";
}

size_t Sampling::finish(LiveSamples& into) {
  collector_->finish(kNamesAtMost, kRowsAtMost);
  return take_ready(into);
}

} // namespace pprofd::top
