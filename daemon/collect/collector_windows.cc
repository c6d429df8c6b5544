// The part of the collector that leads windows from their end to their profiles, and forgets what
// only they needed.
#include <malloc.h>

#include <algorithm>
#include <utility>

#include "daemon/collect/collector.h"
#include "symbolizer/base/clock.h"

namespace pprofd {

namespace {

// A program of the kernel's has sent its sample so long after the sample's time (ns).
constexpr uint64_t kSendingAtMost = 20'000'000;
// So many windows may wait for names; the oldest of more goes without.
constexpr size_t kWindowsAtMost = 32;
// Files that no process maps, kept because programs come back.
constexpr size_t kUnusedFilesKept = 256;

} // namespace

void Collector::forget_unused(uint64_t complete_until) {
  table_->forget_replaced(oldest_waiting(complete_until));
  table_->retire_exited(complete_until,
                        [this](const Process& process) { return !is_held(process); });
}

bool Collector::is_held(const Process& process) const {
  return windows_.holds(process) || past_.holds(process) ||
         std::ranges::any_of(pasts_, [&process](const OpenWindow& window) {
           return window.by_serial.contains(process.serial);
         });
}

std::vector<pprofd_death> Collector::take_deaths() {
  return std::exchange(batch_.deaths(), {});
}

bool Collector::keep_past(const Process& process) {
  uint64_t begin = 0;
  std::unique_ptr<CollectedProcess> found = past_.of(process, begin);
  if (found == nullptr)
    return false;
  OpenWindow& window = pasts_.emplace_back();
  const uint64_t now = monotonic_ns();
  // A slot begins before the process does, or the sampling did.
  window.data.begin = std::max(begin, started_);
  window.data.end = process.exited ? std::min(process.exit_time, now) : now;
  window.data.totals.samples = found->aggregate.accounting();
  window.by_serial.emplace(process.serial, found.get());
  window.data.processes.push_back(std::move(found));
  window.settled = true;
  window.ended = std::chrono::steady_clock::now();
  return true;
}

CollectedWindow* Collector::ready_past() {
  return pasts_.empty() || !pasts_.front().ready ? nullptr : &pasts_.front().data;
}

void Collector::end_window() {
  const uint64_t now = monotonic_ns();
  windows_.end(now);
  windows_.begin(now);
  windows_.back().data.paused = !sampler_->sampling();
}

void Collector::pause() {
  sampler_->stop();
  windows_.back().data.paused = true;
}

Result<void> Collector::resume() {
  CollectedWindow& window = windows_.back().data;
  if (std::exchange(window.paused, false))
    window.begin = monotonic_ns();
  return sampler_->start();
}

// What is settled gets no more samples: all of them have been read, and none waits for rows.
void Collector::settle_windows(uint64_t read_until) {
  const auto now = std::chrono::steady_clock::now();
  windows_.for_each([&](OpenWindow& window) {
    const bool all_read = read_until >= kSendingAtMost && window.is_over() &&
                          read_until - kSendingAtMost >= window.data.end;
    if (window.settled || !all_read)
      return;
    if (oldest_waiting(CollectedWindow::kStillOpen) < window.data.end) {
      if (now < window.ended + options_.rows_at_most)
        return;
      resume_waiting(Patience::kGiveUp, window.data.end);
    }
    settle(window);
  });
}

void Collector::settle(OpenWindow& window) {
  for (const auto& collected : window.data.processes) {
    Process* live = table_->live(collected->process->pid);
    if (live != nullptr && live == collected->process)
      table_->refresh_identity(*live);
  }
  count_kernel_drops(window);
  count_other_drops(window);
  for (const auto& process : window.data.processes)
    window.data.totals.samples += process->aggregate.accounting();
  window.settled = true;
}

void Collector::await_names(OpenWindow& window) {
  if (window.ready)
    return;
  if (!std::exchange(window.names_asked, true)) {
    for (const auto& process : window.data.processes)
      ask_for_names_of(*process);
    perf_maps_.ask();
    window.requests = symbols_.requested();
  }
  const bool named = symbols_.answered(window.requests);
  const bool late = windows_.size() > kWindowsAtMost ||
                    std::chrono::steady_clock::now() >= window.ended + options_.names_at_most;
  if (!named && !late)
    return;
  reject_wrong_files();
  window.data.named = named;
  window.ready = true;
}

CollectedWindow* Collector::ready() {
  return windows_.empty() || !windows_.front().ready ? nullptr : &windows_.front().data;
}

void Collector::done() {
  const OpenWindow gone = windows_.take_front();
  if (ready() != nullptr)
    return; // the end: what is left needs all that is known
  // Code that stands in no file may be another in the next window.
  table_->for_each([&](const Process& process) {
    if (!gone.by_serial.contains(process.serial) || !perf_maps_.forget(process))
      return;
    symbols_.forget(PerfMaps::file_id(process));
    ask_again(&process);
  });
  forget_executables(kUnusedFilesKept);
  if (symbols_.memory() > options_.names_limit)
    drop_caches();
}

void Collector::drop_caches() {
  // A window that is being written needs its names.
  if (ready() != nullptr || ready_past() != nullptr)
    return;
  symbols_.forget_all();
  ask_again(nullptr);
  forget_executables(0);
  malloc_trim(0);
}

// The names of a process (nullptr: of all) have to be asked for once more.
void Collector::ask_again(const Process* process) {
  const auto forget = [process](OpenWindow& window) {
    window.names_asked = false;
    for (const auto& collected : window.data.processes) {
      if (collected != nullptr && (process == nullptr || collected->process == process))
        collected->frames_asked = 0;
    }
  };
  windows_.for_each(forget);
  std::ranges::for_each(pasts_, forget);
}

// Files whose debug information has come since they were asked for. While an ended window waits for
// its names or is written, it keeps what it has.
void Collector::renew_names() {
  if (windows_.size() > 1 || ready() != nullptr)
    return;
  const auto renewed = symbols_.take_renewed();
  for (const uint64_t file : renewed)
    symbols_.forget(file);
  if (!renewed.empty())
    ask_again(nullptr);
}

// What is asked for anew may lead to more.
void Collector::await_fetched() {
  const auto until = std::chrono::steady_clock::now() + options_.debuginfod.patience;
  while (options_.debuginfod.patience.count() != 0 && symbols_.await_fetched(until)) {
    const uint64_t before = symbols_.requested();
    ask_for_names();
    if (symbols_.requested() == before)
      return;
  }
}

void Collector::forget_executables(size_t keep) {
  for (const ExecutableId id : store_.forget_unused(keep))
    symbols_.forget(id.value);
}

void Collector::set_table_limit(size_t bytes) {
  if (unwind_tables_ != nullptr)
    unwind_tables_->set_limit(bytes);
}

CollectorFigures Collector::figures() const {
  CollectorFigures figures{.processes = table_->live_count() + table_->exited_count(),
                           .executables = store_.size(),
                           .windows = windows_.size(),
                           .names_bytes = symbols_.memory(),
                           .aggregate_bytes = windows_.memory(),
                           .past_bytes = past_.memory(),
                           .tables = {}};
  table_->for_each([&figures](const Process& process) {
    figures.mappings += process.space.live().size() + process.space.replaced_count();
  });
  if (unwind_tables_ != nullptr)
    figures.tables = unwind_tables_->stats();
  if (spaces_ != nullptr)
    figures.space_bytes = spaces_->spaces() * sizeof(pprofd_space_chunk);
  return figures;
}

// The kernel counts from its start; a window is told what came since the one before.
void Collector::count_kernel_drops(OpenWindow& window) {
  for (const ProcessDrops& drops : sampler_->process_drops()) {
    uint64_t& counted = drops_counted_[{drops.pid, drops.start_time}];
    const uint64_t fresh = drops.ring_full - std::exchange(counted, drops.ring_full);
    const Process& process = *table_->find(static_cast<pid_t>(drops.pid), drops.start_time);
    if (fresh == 0 && process.exited) {
      sampler_->forget_drops(drops); // it drops no more
      drops_counted_.erase({drops.pid, drops.start_time});
    } else if (fresh != 0 && is_target(process)) {
      window.process(process).aggregate.accounting().drops_for(DropReason::kRingFull) += fresh;
    } else {
      not_targets_ += fresh;
    }
  }
}

void Collector::count_other_drops(OpenWindow& window) {
  const SamplerCounters counters = sampler_->counters();
  const CollectorTotals now{.samples = {},
                            .unattributed_drops =
                                counters.unattributed + counters.no_scratch + malformed_,
                            .not_targets = not_targets_,
                            .lost_process_events = sideband_.lost()};
  CollectorTotals& told = window.data.totals;
  told.unattributed_drops = now.unattributed_drops - counted_.unattributed_drops;
  told.not_targets = now.not_targets - counted_.not_targets;
  told.lost_process_events = now.lost_process_events - counted_.lost_process_events;
  counted_ = now;
}

CollectorTotals Collector::totals() const {
  CollectorTotals totals = current().totals;
  totals.samples = {};
  for (const auto& process : current().processes)
    totals.samples += process->aggregate.accounting();
  return totals;
}

} // namespace pprofd
