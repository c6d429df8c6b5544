// The windows that are not done with: the one that is sampled into and those before it that wait
// for their last samples or for names. Samples go to the window of their own time.
//
// One owner, one thread (the collector's).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <unordered_map>

#include "daemon/collect/window.h"

namespace pprofd {

struct OpenWindow {
  CollectedWindow data;
  std::unordered_map<uint64_t, CollectedProcess*> by_serial;
  bool settled = false;
  // The names it waits for are asked for; `requests` as SymbolService::requested() counts.
  bool names_asked = false;
  uint64_t requests = 0;
  bool ready = false;
  std::chrono::steady_clock::time_point ended;

  CollectedProcess& process(const Process& process);
  [[nodiscard]] bool is_over() const { return data.end != CollectedWindow::kStillOpen; }
};

class WindowSet {
public:
  // Times are ns, CLOCK_MONOTONIC.
  void begin(uint64_t time);
  // Ends the window that is sampled into; nothing where none is.
  void end(uint64_t time);

  // The window of a sample: the last that had begun by then. One that comes too late for its own
  // goes to the next. There must be one that has not settled.
  OpenWindow& at(uint64_t time);

  [[nodiscard]] bool holds(const Process& process) const;
  void for_each(const std::function<void(OpenWindow&)>& visit);
  [[nodiscard]] bool empty() const { return windows_.empty(); }
  [[nodiscard]] size_t size() const { return windows_.size(); }
  OpenWindow& front() { return windows_.front(); }
  [[nodiscard]] const OpenWindow& front() const { return windows_.front(); }
  OpenWindow& back() { return windows_.back(); }
  [[nodiscard]] const OpenWindow& back() const { return windows_.back(); }
  OpenWindow take_front();

  // Bytes of all aggregates.
  [[nodiscard]] size_t memory() const;

private:
  std::deque<OpenWindow> windows_; // by their time
};

} // namespace pprofd
