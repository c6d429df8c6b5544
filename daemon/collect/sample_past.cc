#include "daemon/collect/sample_past.h"

#include <algorithm>

namespace pprofd {

namespace {

constexpr uint64_t nanos_of(std::chrono::nanoseconds time) {
  return static_cast<uint64_t>(time.count());
}

constexpr uint64_t kSlotNanos = nanos_of(SamplePast::kSlot);

void take_mapping(CollectedProcess& into, const CollectedProcess& from, uint32_t id) {
  const auto mapping = from.mappings.find(id);
  if (mapping == from.mappings.end())
    return;
  const auto [known, is_new] = into.mappings.try_emplace(id, mapping->second);
  const bool grew =
      known->second.start != mapping->second.start || known->second.end != mapping->second.end;
  if (!is_new && grew)
    known->second = mapping->second;
}

size_t memory_of(const CollectedProcess& process) {
  return sizeof(process) + process.aggregate.memory() + process.mappings.size() * sizeof(Mapping) +
         process.frame_times.capacity() * sizeof(uint64_t);
}

} // namespace

void SamplePast::add(const Process& process, const Aggregate::Sample& sample, uint64_t time,
                     const CollectedProcess& window, bool may_grow) {
  if (span_.count() == 0)
    return;
  CollectedProcess& into = slots_[time / kSlotNanos * kSlotNanos][process.serial];
  into.process = &process;
  into.program = window.program;
  into.aggregate.add(sample, may_grow);
  for (const TraceFrame& frame : sample.frames)
    take_mapping(into, window, frame.mapping);
  into.frame_times.resize(into.aggregate.frames().size(), time);
}

void SamplePast::append(CollectedProcess& to, const CollectedProcess& more) {
  to.process = more.process;
  if (more.program)
    to.program = more.program;
  for (const auto& [id, mapping] : more.mappings)
    to.mappings.insert_or_assign(id, mapping);
  to.aggregate.add(more.aggregate);
  // Frames that are new stand in the order that they have there.
  const auto frames = to.aggregate.frames();
  const auto others = more.aggregate.frames();
  for (size_t at = 0; at < others.size() && to.frame_times.size() < frames.size(); ++at)
    if (frames[to.frame_times.size()] == others[at])
      to.frame_times.push_back(more.frame_times[at]);
}

std::unique_ptr<CollectedProcess> SamplePast::of(const Process& process, uint64_t& begin) const {
  std::unique_ptr<CollectedProcess> made;
  for (const auto& [slot_begin, slot] : slots_) {
    const auto found = slot.find(process.serial);
    if (found == slot.end())
      continue;
    if (made == nullptr) {
      made = std::make_unique<CollectedProcess>();
      begin = slot_begin;
    }
    append(*made, found->second);
  }
  return made;
}

bool SamplePast::holds(const Process& process) const {
  return std::ranges::any_of(
      slots_, [&process](const auto& slot) { return slot.second.contains(process.serial); });
}

void SamplePast::forget(uint64_t now) {
  const auto too_old = [&](uint64_t begin) { return begin + kSlotNanos + nanos_of(span_) < now; };
  for (auto& [begin, slot] : slots_)
    std::erase_if(slot, [now](const auto& each) {
      const Process& process = *each.second.process;
      return process.exited && process.exit_time + nanos_of(kEndedKept) < now;
    });
  std::erase_if(slots_,
                [&](const auto& slot) { return slot.second.empty() || too_old(slot.first); });
  for (size_t held = memory(); !slots_.empty() && held > limit_; slots_.erase(slots_.begin()))
    held -= memory_of(slots_.begin()->second);
}

size_t SamplePast::memory_of(const Slot& slot) {
  size_t sum = 0;
  for (const auto& [serial, process] : slot)
    sum += pprofd::memory_of(process);
  return sum;
}

size_t SamplePast::memory() const {
  size_t sum = 0;
  for (const auto& [begin, slot] : slots_)
    sum += memory_of(slot);
  return sum;
}

} // namespace pprofd
