#include "daemon/trigger/reading_round.h"

#include <algorithm>
#include <ctime>

namespace pprofd {

namespace {

using std::chrono::nanoseconds;

// Of one CPU, one part in so many.
constexpr int kReadingShare = 200;
// With more, waiting is not added up.
constexpr size_t kMostWaitingThreads = 64;

std::optional<uint64_t> cpu_nanos_of(pid_t pid) {
  clockid_t clock = 0;
  timespec time{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &time) != 0)
    return std::nullopt;
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

double percent(uint64_t before, uint64_t after, nanoseconds time) {
  const uint64_t nanos = after > before ? after - before : 0;
  return 100 * static_cast<double>(nanos) / static_cast<double>(std::max<int64_t>(time.count(), 1));
}

} // namespace

std::optional<ProcessCounts> read_counts(const ProcFs& proc, pid_t pid, bool run_queue,
                                         const ProcessCounts* before) {
  const auto cpu = cpu_nanos_of(pid);
  if (!cpu)
    return std::nullopt;
  // Who used no CPU has made no thread and waited for nothing.
  if (before != nullptr && before->cpu_nanos == *cpu)
    return *before;
  const auto threads = proc.thread_count(pid);
  if (!threads)
    return std::nullopt;
  ProcessCounts counts{.cpu_nanos = *cpu, .threads = *threads};
  if (run_queue)
    counts.run_queue_nanos = proc.run_queue_nanos(pid, kMostWaitingThreads).value_or(0);
  return counts;
}

TriggerReading reading_between(const ProcessCounts& before, const ProcessCounts& after,
                               nanoseconds time) {
  TriggerReading reading;
  reading[TriggerMetric::kCpu] = percent(before.cpu_nanos, after.cpu_nanos, time);
  reading[TriggerMetric::kThreads] = static_cast<double>(after.threads);
  // What was not read before says nothing of this time.
  if (before.run_queue_nanos != 0)
    reading[TriggerMetric::kRunQueue] =
        percent(before.run_queue_nanos, after.run_queue_nanos, time);
  return reading;
}

void ReadingRound::step(nanoseconds at_most) {
  const auto start = Clock::now();
  if (!under_way_) {
    if (began_ && start - *began_ < std::max(interval_, kReadingShare * spent_))
      return;
    begin(start);
  }
  while (next_ < candidates_.size() && Clock::now() - start < at_most)
    look_at(candidates_[next_++]);
  spent_ += Clock::now() - start;
  if (next_ < candidates_.size())
    return;
  under_way_ = false;
  std::erase_if(known_, [this](const auto& each) { return each.second.round != round_; });
  calls_.end();
}

void ReadingRound::begin(Clock::time_point now) {
  began_ = now;
  spent_ = nanoseconds(0);
  under_way_ = true;
  next_ = 0;
  ++round_;
  candidates_ = calls_.list();
}

void ReadingRound::look_at(const Candidate& candidate) {
  const auto found = known_.find(candidate.process);
  const bool is_new = found == known_.end();
  const auto counts =
      read_counts(proc_, candidate.pid, run_queue_, is_new ? nullptr : &found->second.counts);
  if (!counts)
    return;
  const auto now = Clock::now();
  if (!is_new)
    calls_.each(candidate, reading_between(found->second.counts, *counts, now - found->second.read),
                now);
  known_[candidate.process] = {.counts = *counts, .read = now, .round = round_};
}

} // namespace pprofd
