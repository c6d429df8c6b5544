// What was collected within one window: a recording is one window, the service has one after the
// other without a gap.
//
// A window passes through: sampling -> ended -> settled (its last sample is in, its drops are
// counted) -> ready (its names are there, or their time is over). Plain data; the collector's
// thread.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/aggregate/aggregate.h"
#include "daemon/process/process.h"

namespace pprofd {

// What was collected of one process.
struct CollectedProcess {
  const Process* process = nullptr; // valid as long as the window
  Aggregate aggregate;
  std::unordered_map<uint32_t, Mapping> mappings; // those that frames refer to, by id
  std::optional<Mapping> program;                 // of the executable; none: not known
  size_t frames_asked = 0;           // of aggregate.frames(), those whose names have been asked for
  std::vector<uint64_t> frame_times; // of aggregate.frames(), when each was sampled first

  // The program's path as the process sees it; empty: not known.
  [[nodiscard]] const std::string& executable_path() const;
};

// How many samples there are; exact once the window has settled.
struct CollectorTotals {
  SampleAccounting samples;         // of all processes
  uint64_t unattributed_drops = 0;  // counted to no process
  uint64_t not_targets = 0;         // sampled before it was decided that they are none
  uint64_t lost_process_events = 0; // made good from /proc

  [[nodiscard]] uint64_t dropped() const { return samples.dropped() + unattributed_drops; }
  // Reason and count, where not zero.
  [[nodiscard]] std::vector<std::pair<std::string, uint64_t>> dropped_by_reason() const;
  [[nodiscard]] uint64_t taken() const { return samples.written() + dropped(); }
  CollectorTotals& operator+=(const CollectorTotals& other);
};

struct CollectedWindow {
  static constexpr uint64_t kStillOpen = std::numeric_limits<uint64_t>::max();

  uint64_t begin = 0; // ns, CLOCK_MONOTONIC; where it began paused, when sampling did
  uint64_t end = kStillOpen;
  bool paused = false; // nothing is sampled (any more)
  // Those with samples (or drops), in the order they were first seen.
  std::vector<std::unique_ptr<CollectedProcess>> processes;
  CollectorTotals totals; // of samples only once it has settled
  bool named = false;     // all names came in time
};

} // namespace pprofd
