#include "daemon/run/process_activity.h"

#include <unistd.h>

namespace pprofd {

namespace {

using std::chrono::nanoseconds;

// What a process of thousands of threads or files may cost.
constexpr size_t kMostThreads = 256;
constexpr size_t kMostDescriptors = 10'000;

uint64_t since(uint64_t before, uint64_t now) {
  return now > before ? now - before : 0;
}

uint64_t nanos_of_ticks(uint64_t ticks) {
  static const auto per_second = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  return ticks * (1'000'000'000 / per_second);
}

uint64_t bytes_of_pages(uint64_t pages) {
  static const auto size = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return pages * size;
}

} // namespace

std::optional<serve::ProcessMetrics> ProcessActivity::step(nanoseconds at_most) {
  const auto start = Clock::now();
  if (!under_way_ && (rounds_ == 0 || start - began_ >= interval_))
    begin_round(start);
  if (!under_way_)
    return std::nullopt;
  while (next_ < pids_.size()) {
    if (Clock::now() - start >= at_most)
      return std::nullopt;
    look_at(pids_[next_++]);
  }
  return end_round();
}

void ProcessActivity::begin_round(Clock::time_point now) {
  pids_ = proc_.pids().value_or(std::vector<pid_t>());
  next_ = 0;
  under_way_ = true;
  began_before_ = std::exchange(began_, now);
  now_.clear();
  metrics_.Clear();
}

void ProcessActivity::look_at(pid_t pid) {
  const auto stat = proc_.stat(pid);
  if (!stat || stat->kernel_thread() || stat->dead())
    return;
  Counts now{.start_ticks = stat->start_ticks,
             .cpu_ticks = stat->user_ticks + stat->system_ticks,
             .minor_faults = stat->minor_faults,
             .major_faults = stat->major_faults,
             .io = {},
             .switches = {}};
  const auto known = before_.find(pid);
  const bool same = known != before_.end() && known->second.start_ticks == now.start_ticks;
  const Counts before = same ? known->second : Counts();
  now.io = before.io;
  now.switches = before.switches;
  // Who used no CPU did nothing else either.
  if (now.cpu_ticks != before.cpu_ticks || !same) {
    now.io = proc_.io(pid).value_or(now.io);
    now.switches = proc_.switches(pid, kMostThreads).value_or(now.switches);
    if (rounds_ != 0) {
      const Identity identity = identify_(pid, *stat);
      auto* process = metrics_.add_processes();
      process->set_pid(static_cast<uint32_t>(pid));
      process->set_start_ticks(now.start_ticks);
      process->set_service(identity.service);
      process->set_comm(identity.comm);
      process->set_cpu_nanos(nanos_of_ticks(since(before.cpu_ticks, now.cpu_ticks)));
      process->set_rss_bytes(bytes_of_pages(stat->rss_pages));
      process->set_threads(static_cast<uint32_t>(stat->threads));
      process->set_descriptors(
          static_cast<uint32_t>(proc_.descriptors(pid, kMostDescriptors).value_or(0)));
      process->set_minor_faults(since(before.minor_faults, now.minor_faults));
      process->set_major_faults(since(before.major_faults, now.major_faults));
      process->set_read_bytes(since(before.io.read_bytes, now.io.read_bytes));
      process->set_written_bytes(since(before.io.written_bytes, now.io.written_bytes));
      process->set_voluntary_switches(since(before.switches.voluntary, now.switches.voluntary));
      process->set_involuntary_switches(
          since(before.switches.involuntary, now.switches.involuntary));
    }
  }
  now_.emplace(pid, now);
}

std::optional<serve::ProcessMetrics> ProcessActivity::end_round() {
  under_way_ = false;
  before_.swap(now_);
  now_.clear();
  if (rounds_++ == 0)
    return std::nullopt;
  const auto wall = std::chrono::system_clock::now().time_since_epoch();
  const auto duration = nanoseconds(began_ - began_before_).count();
  metrics_.set_time_nanos(std::chrono::duration_cast<nanoseconds>(wall).count() - duration);
  metrics_.set_duration_nanos(duration);
  return std::move(metrics_);
}

} // namespace pprofd
