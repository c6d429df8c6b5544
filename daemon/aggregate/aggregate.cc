#include "daemon/aggregate/aggregate.h"

#include <algorithm>
#include <numeric>

namespace pprofd {

namespace {

// What a node of libstdc++'s unordered containers costs beside its value: next pointer, hash,
// allocator's header, and its share of the bucket array.
constexpr size_t kNodeOverhead = 40;

// The finalizer of MurmurHash3 (public domain): spreads every bit over the whole word.
uint64_t mix(uint64_t value) {
  value ^= value >> 33;
  value *= 0xff51afd7ed558ccdULL;
  value ^= value >> 33;
  value *= 0xc4ceb9fe1a85ec53ULL;
  return value ^ (value >> 33);
}

} // namespace

uint64_t SampleAccounting::written() const {
  return std::accumulate(stack_ends.begin(), stack_ends.end(), uint64_t{0});
}

uint64_t SampleAccounting::dropped() const {
  return std::accumulate(drops.begin(), drops.end(), uint64_t{0});
}

uint64_t SampleAccounting::complete() const {
  uint64_t sum = 0;
  for (size_t end = 0; end < stack_ends.size(); ++end) {
    if (is_complete(static_cast<pprofd_stack_end>(end)))
      sum += stack_ends.at(end);
  }
  return sum;
}

SampleAccounting& SampleAccounting::operator+=(const SampleAccounting& other) {
  std::ranges::transform(stack_ends, other.stack_ends, stack_ends.begin(), std::plus());
  std::ranges::transform(drops, other.drops, drops.begin(), std::plus());
  heuristic += other.heuristic;
  return *this;
}

size_t Aggregate::FrameHash::operator()(const TraceFrame& frame) const {
  return mix(frame.address ^ (uint64_t{frame.mapping} << 48));
}

size_t Aggregate::ThreadHash::operator()(const Thread& thread) const {
  return mix(std::hash<std::string_view>()(thread.name) ^ thread.tid);
}

std::optional<FrameId> Aggregate::intern_frame(const TraceFrame& frame, bool may_grow) {
  const auto found = frame_ids_.find(frame);
  if (found != frame_ids_.end())
    return found->second;
  if (!may_grow)
    return std::nullopt;
  const auto id = static_cast<FrameId>(frames_.size());
  frames_.push_back(frame);
  frame_ids_.emplace(frame, id);
  return id;
}

std::optional<TraceId> Aggregate::intern_trace(std::span<const TraceFrame> frames, bool may_grow) {
  scratch_.clear();
  uint64_t hash = frames.size();
  for (const TraceFrame& frame : frames) {
    const std::optional<FrameId> id = intern_frame(frame, may_grow);
    if (!id)
      return std::nullopt;
    scratch_.push_back(*id);
    hash = mix(hash ^ *id);
  }
  const auto [first, last] = trace_ids_.equal_range(hash);
  const auto same = std::find_if(first, last, [this](const auto& candidate) {
    return std::ranges::equal(trace(candidate.second), scratch_);
  });
  if (same != last)
    return same->second;
  if (!may_grow)
    return std::nullopt;

  const auto id = static_cast<TraceId>(traces_.size());
  traces_.push_back(
      {static_cast<uint32_t>(trace_frames_.size()), static_cast<uint32_t>(scratch_.size())});
  trace_frames_.insert(trace_frames_.end(), scratch_.begin(), scratch_.end());
  trace_ids_.emplace(hash, id);
  return id;
}

std::optional<ThreadId> Aggregate::intern_thread(uint32_t tid, std::string_view name,
                                                 bool may_grow) {
  Thread thread{tid, std::string(name)};
  const auto found = thread_ids_.find(thread);
  if (found != thread_ids_.end())
    return found->second;
  if (!may_grow)
    return std::nullopt;
  const auto id = static_cast<ThreadId>(threads_.size());
  threads_.push_back(thread);
  thread_ids_.emplace(std::move(thread), id);
  return id;
}

Aggregate::Counts* Aggregate::counts_of(std::span<const TraceFrame> frames, uint32_t tid,
                                        std::string_view thread, bool may_grow) {
  const std::optional<TraceId> trace_id = intern_trace(frames, may_grow);
  const std::optional<ThreadId> thread_id = intern_thread(tid, thread, may_grow);
  return trace_id && thread_id ? &counts_[uint64_t{*trace_id} << 32 | *thread_id] : nullptr;
}

bool Aggregate::add(const Sample& sample, bool may_grow) {
  Counts* const counts = counts_of(sample.frames, sample.tid, sample.thread, may_grow);
  if (counts == nullptr) {
    ++accounting_.drops_for(DropReason::kTableFull);
    return false;
  }
  ++counts->samples;
  counts->value += sample.value;
  ++accounting_.stack_ends.at(sample.end);
  accounting_.heuristic += sample.heuristic ? 1 : 0;
  return true;
}

void Aggregate::add(const Aggregate& other) {
  for (const TraceFrame& frame : other.frames())
    (void)intern_frame(frame, true);
  std::vector<TraceFrame> frames;
  for (const Row& row : other.rows()) {
    frames.clear();
    for (const FrameId id : other.trace(row.trace))
      frames.push_back(other.frames()[id]);
    const Thread& from = other.thread(row.thread);
    Counts& counts = *counts_of(frames, from.tid, from.name, /*may_grow=*/true);
    counts.samples += row.samples;
    counts.value += row.value;
  }
  accounting_ += other.accounting();
}

std::vector<Aggregate::Row> Aggregate::rows() const {
  std::vector<Row> all;
  all.reserve(counts_.size());
  for (const auto& [key, counts] : counts_)
    all.push_back({static_cast<TraceId>(key >> 32), static_cast<ThreadId>(key), counts.samples,
                   counts.value});
  return all;
}

std::span<const FrameId> Aggregate::trace(TraceId id) const {
  const TraceExtent& extent = traces_.at(id);
  return std::span(trace_frames_).subspan(extent.offset, extent.length);
}

size_t Aggregate::memory() const {
  return sizeof(*this) + frames_.capacity() * sizeof(TraceFrame) +
         frame_ids_.size() * (sizeof(TraceFrame) + sizeof(FrameId) + kNodeOverhead) +
         trace_frames_.capacity() * sizeof(FrameId) + traces_.capacity() * sizeof(TraceExtent) +
         trace_ids_.size() * (sizeof(uint64_t) + sizeof(TraceId) + kNodeOverhead) +
         threads_.capacity() * sizeof(Thread) +
         thread_ids_.size() * (sizeof(Thread) + kNodeOverhead) +
         counts_.size() * (sizeof(uint64_t) + sizeof(Counts) + kNodeOverhead);
}

} // namespace pprofd
