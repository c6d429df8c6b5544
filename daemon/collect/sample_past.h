// The samples of the last minute or so, so that a profile can say what a process did before
// something happened to it. They are in the windows as well; this forgets by age, whatever became
// of those.
//
// A ring of slots of ten seconds, each with an aggregate a process. Bounded by time, and by memory:
// over the limit the oldest slot goes. What belongs to processes that have ended goes a few seconds
// after them.
//
// One owner, one thread (the collector's). Times are ns, CLOCK_MONOTONIC.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <unordered_map>

#include "daemon/collect/window.h"

namespace pprofd {

class SamplePast {
public:
  static constexpr std::chrono::seconds kSlot{10};
  // A process that has ended is known for so long: what it died of may be told a moment later.
  static constexpr std::chrono::seconds kEndedKept{5};

  // `span`: how far back at least; 0: nothing is kept. `limit`: bytes.
  SamplePast(std::chrono::nanoseconds span, size_t limit) : span_(span), limit_(limit) {}

  // One sample, as `window` has it, whose mappings hold those of its frames. With may_grow false
  // one of a new trace is counted as dropped.
  void add(const Process& process, const Aggregate::Sample& sample, uint64_t time,
           const CollectedProcess& window, bool may_grow);

  // What there is of a process; nullptr: nothing. `begin` is when it may have begun to be sampled.
  [[nodiscard]] std::unique_ptr<CollectedProcess> of(const Process& process, uint64_t& begin) const;

  // Whether it needs a process to stay as it is.
  [[nodiscard]] bool holds(const Process& process) const;
  // What is too old, too much, or of processes that have ended goes.
  void forget(uint64_t now);
  void clear() { slots_.clear(); }
  // Bytes of all aggregates.
  [[nodiscard]] size_t memory() const;

private:
  using Slot = std::unordered_map<uint64_t, CollectedProcess>; // by Process::serial

  static size_t memory_of(const Slot& slot);
  static void append(CollectedProcess& to, const CollectedProcess& more);

  std::chrono::nanoseconds span_;
  size_t limit_;
  std::map<uint64_t, Slot> slots_; // by their begin
};

} // namespace pprofd
