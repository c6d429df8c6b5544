// What has been sampled of one process: its distinct traces, by thread, with their counts.
//
// Memory grows with the number of distinct frames, traces and threads, not with time. One owner
// thread (the collector's); read by the profile builder after the collector is done with it.
#pragma once

#include <linux/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bpf/abi.h"
#include "daemon/sampling/reasons.h"

namespace pprofd {

// A frame as the profile needs it: where it was, in terms that stay true when mappings change.
struct TraceFrame {
  // Ids of mappings are unique in a process for its whole life (process_table.h); these stand
  // for what no mapping covers.
  static constexpr uint32_t kKernel = 0xffffffff;
  static constexpr uint32_t kUnmapped = 0xfffffffe;
  // The only frame of a sample in the kernel, or in user code, whose stack was not to be taken.
  static constexpr uint32_t kSomeKernel = 0xfffffffd;
  static constexpr uint32_t kSomeUser = 0xfffffffc;

  uint64_t address; // process (or kernel) address for the look-up
  uint32_t mapping;

  bool operator==(const TraceFrame&) const = default;
};

using FrameId = uint32_t;
using TraceId = uint32_t;
using ThreadId = uint32_t;

// The accounting of one process. written() + the drops = the samples taken of it.
struct SampleAccounting {
  std::array<uint64_t, PPROFD_STACK_END_COUNT> stack_ends{}; // samples written, by their end
  std::array<uint64_t, static_cast<size_t>(DropReason::kCount)> drops{};
  uint64_t heuristic = 0; // samples written with a frame found by a frame pointer

  [[nodiscard]] uint64_t written() const;
  [[nodiscard]] uint64_t dropped() const;
  [[nodiscard]] uint64_t taken() const { return written() + dropped(); }
  [[nodiscard]] uint64_t complete() const;
  [[nodiscard]] uint64_t& drops_for(DropReason reason) {
    return drops.at(static_cast<size_t>(reason));
  }
  SampleAccounting& operator+=(const SampleAccounting& other);
};

class Aggregate {
public:
  struct Thread {
    uint32_t tid;
    std::string name;
    bool operator==(const Thread&) const = default;
  };
  struct Row {
    TraceId trace;
    ThreadId thread;
    uint64_t samples;
    uint64_t value; // in the event's unit
  };
  struct Sample {
    std::span<const TraceFrame> frames; // leaf first
    uint32_t tid;
    std::string_view thread;
    uint64_t value;
    pprofd_stack_end end;
    bool heuristic;
  };

  // Counts one sample. With may_grow false, one whose frames, trace or thread are new is counted as
  // dropped instead (and false returned).
  bool add(const Sample& sample, bool may_grow);

  // Counts all that another one has. Its frames that are new here come in its order.
  void add(const Aggregate& other);

  // All rows, in no particular order.
  [[nodiscard]] std::vector<Row> rows() const;
  [[nodiscard]] std::span<const FrameId> trace(TraceId id) const;
  [[nodiscard]] std::span<const TraceFrame> frames() const { return frames_; }
  [[nodiscard]] const Thread& thread(ThreadId id) const { return threads_.at(id); }
  [[nodiscard]] SampleAccounting& accounting() { return accounting_; }
  [[nodiscard]] const SampleAccounting& accounting() const { return accounting_; }
  // Bytes held, within a few per cent.
  [[nodiscard]] size_t memory() const;

private:
  struct FrameHash {
    size_t operator()(const TraceFrame& frame) const;
  };
  struct ThreadHash {
    size_t operator()(const Thread& thread) const;
  };
  struct TraceExtent {
    uint32_t offset;
    uint32_t length;
  };
  struct Counts {
    uint64_t samples = 0;
    uint64_t value = 0;
  };

  // Each gives the id of what is known already, or makes one when it may grow.
  std::optional<FrameId> intern_frame(const TraceFrame& frame, bool may_grow);
  std::optional<TraceId> intern_trace(std::span<const TraceFrame> frames, bool may_grow);
  std::optional<ThreadId> intern_thread(uint32_t tid, std::string_view name, bool may_grow);
  // nullptr: it would have to grow.
  Counts* counts_of(std::span<const TraceFrame> frames, uint32_t tid, std::string_view thread,
                    bool may_grow);

  std::vector<TraceFrame> frames_;
  std::unordered_map<TraceFrame, FrameId, FrameHash> frame_ids_;
  std::vector<FrameId> trace_frames_; // all traces, one after the other
  std::vector<TraceExtent> traces_;
  std::unordered_multimap<uint64_t, TraceId> trace_ids_; // by hash of the frames
  std::vector<Thread> threads_;
  std::unordered_map<Thread, ThreadId, ThreadHash> thread_ids_;
  std::unordered_map<uint64_t, Counts> counts_; // key: trace << 32 | thread
  SampleAccounting accounting_;
  std::vector<FrameId> scratch_;
};

} // namespace pprofd
