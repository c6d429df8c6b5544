#include "daemon/collect/window_set.h"

#include <algorithm>
#include <ranges>

namespace pprofd {

const std::string& CollectedProcess::executable_path() const {
  return program ? *program->name : *process->exe;
}

std::vector<std::pair<std::string, uint64_t>> CollectorTotals::dropped_by_reason() const {
  std::vector<std::pair<std::string, uint64_t>> all;
  for (size_t at = 0; at < samples.drops.size(); ++at) {
    if (samples.drops.at(at) != 0)
      all.emplace_back(drop_reason_name(static_cast<DropReason>(at)), samples.drops.at(at));
  }
  if (unattributed_drops != 0)
    all.emplace_back("unattributed", unattributed_drops);
  return all;
}

CollectorTotals& CollectorTotals::operator+=(const CollectorTotals& other) {
  samples += other.samples;
  unattributed_drops += other.unattributed_drops;
  not_targets += other.not_targets;
  lost_process_events += other.lost_process_events;
  return *this;
}

CollectedProcess& OpenWindow::process(const Process& process) {
  const auto [position, is_new] = by_serial.try_emplace(process.serial);
  if (is_new) {
    data.processes.push_back(std::make_unique<CollectedProcess>());
    position->second = data.processes.back().get();
    position->second->process = &process;
  }
  return *position->second;
}

void WindowSet::begin(uint64_t time) {
  windows_.emplace_back();
  windows_.back().data.begin = time;
}

void WindowSet::end(uint64_t time) {
  if (windows_.empty() || windows_.back().is_over())
    return;
  windows_.back().data.end = time;
  windows_.back().ended = std::chrono::steady_clock::now();
}

OpenWindow& WindowSet::at(uint64_t time) {
  for (OpenWindow& window : windows_ | std::views::reverse) {
    if (window.data.begin > time)
      continue;
    if (!window.settled)
      return window;
    break;
  }
  return *std::ranges::find(windows_, false, &OpenWindow::settled);
}

OpenWindow WindowSet::take_front() {
  OpenWindow window = std::move(windows_.front());
  windows_.pop_front();
  return window;
}

bool WindowSet::holds(const Process& process) const {
  return std::ranges::any_of(windows_, [&process](const OpenWindow& window) {
    return window.by_serial.contains(process.serial);
  });
}

void WindowSet::for_each(const std::function<void(OpenWindow&)>& visit) {
  for (OpenWindow& window : windows_)
    visit(window);
}

size_t WindowSet::memory() const {
  size_t sum = 0;
  for (const OpenWindow& window : windows_) {
    for (const auto& process : window.data.processes) {
      if (process != nullptr)
        sum += process->aggregate.memory();
    }
  }
  return sum;
}

} // namespace pprofd
