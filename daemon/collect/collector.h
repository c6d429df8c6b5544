// The sampling side put together: samples from the kernel, process events, the process table,
// one aggregate per process, and names asked for on the way.
//
// The owner's loop (one thread):
//   poll({wake_fds()…}, tick interval); tick();
// and at the end finish(). Order inside a tick: samples are read first, then the process events
// that had happened by then are applied, then the samples are looked up.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "daemon/aggregate/aggregate.h"
#include "daemon/collect/perf_maps.h"
#include "daemon/process/executable_store.h"
#include "daemon/process/process_table.h"
#include "daemon/process/sideband.h"
#include "daemon/sampling/sampler.h"
#include "daemon/symbols/symbol_service.h"
#include "daemon/unwind/space_keeper.h"
#include "daemon/unwind/suspended.h"
#include "daemon/unwind/table_service.h"
#include "symbolizer/base/result.h"

namespace pprofd {

struct CollectorOptions {
  SamplerOptions sampler;
  symbolizer::WorkerOptions worker;
  bool names = true; // false: only build ids are asked for
  // Of all aggregates together; over it, samples with new traces are dropped (table_full).
  size_t aggregate_limit = size_t{64} << 20;
  // Of stacks that wait for unwind rows; over it, they stay as far as they were unwound.
  size_t suspended_limit = size_t{32} << 20;
};

// What was collected of one process.
struct CollectedProcess {
  const Process* process = nullptr; // valid as long as the collector
  Aggregate aggregate;
  std::unordered_map<uint32_t, Mapping> mappings; // those that frames refer to, by id
  std::optional<Mapping> program;                 // of the executable; none: not known
  size_t frames_asked = 0; // of aggregate.frames(), those whose names have been asked for

  // The program's path as the process sees it; empty: not known.
  [[nodiscard]] const std::string& executable_path() const;
};

// How many samples there are at this moment; exact after finish().
struct CollectorTotals {
  SampleAccounting samples;         // of all processes
  uint64_t unattributed_drops = 0;  // counted to no process
  uint64_t not_targets = 0;         // sampled before it was decided that they are none
  uint64_t lost_process_events = 0; // made good from /proc

  [[nodiscard]] uint64_t dropped() const { return samples.dropped() + unattributed_drops; }
  // Reason and count, where not zero.
  [[nodiscard]] std::vector<std::pair<std::string, uint64_t>> dropped_by_reason() const;
  [[nodiscard]] uint64_t taken() const { return samples.written() + dropped(); }
};

class Collector {
public:
  // Loads the BPF programs and opens the process events; nothing is sampled yet.
  static Result<std::unique_ptr<Collector>> create(const CollectorOptions& options);
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  Sampler& sampler() { return *sampler_; }
  ProcessTable& processes() { return *table_; }
  [[nodiscard]] const SymbolService& symbols() const { return symbols_; }
  // The build id of a file: the kernel's word, or what the worker read; empty: none known.
  [[nodiscard]] std::string build_id(const Executable& executable) const;

  // Decides about processes that the kernel's filter leaves undecided. Set before start().
  std::function<bool(const Process&)> is_target = [](const Process&) { return true; };

  // Starts sampling, then reads the processes there are: what a sample needs is known before it is
  // looked up.
  Result<void> start();

  // Descriptors that become readable when tick() should be called before its time.
  [[nodiscard]] int events_fd() const { return sideband_.poll_fd(); }
  [[nodiscard]] int samples_fd() const { return sampler_->ring_fd(); }

  // Gives a process a profile even if no sample of it comes.
  void watch(const Process& process) { collected_for(process); }

  // Takes in what has come. Cheap when nothing has.
  void tick();

  // Stops sampling, takes in the rest, completes the accounting and waits for names, at most so
  // long. Returns whether all names came in time.
  bool finish(std::chrono::milliseconds names_at_most);

  [[nodiscard]] CollectorTotals totals() const;
  // Processes with samples (or drops), in the order they were first seen.
  [[nodiscard]] const std::vector<std::unique_ptr<CollectedProcess>>& collected() const {
    return collected_;
  }

private:
  explicit Collector(const CollectorOptions& options, Sideband sideband);

  CollectedProcess& collected_for(const Process& process);
  void take_samples(uint64_t until);
  void take_sample(const SampleBatch::Entry& entry);
  // A sample whose stack waits for unwind rows.
  struct Waiting {
    pprofd_sample sample;
    Process* process;
    std::vector<uint64_t> kernel_frames;
    SuspendedStack stack;
  };
  bool resume(Waiting& waiting);
  void resume_waiting();
  void add_waiting(const Waiting& waiting);
  void limit_copies();
  void finish_waiting(std::chrono::steady_clock::time_point deadline);
  void add_sample(Process& process, const pprofd_sample& sample, std::span<const uint64_t> words,
                  pprofd_stack_end end);
  void update_spaces();
  void prepare_unwinding();
  Result<TableService::File> open_for_rows(uint64_t file_id);
  TraceFrame resolve(CollectedProcess& into, Process& process, uint64_t word, uint64_t time,
                     bool leaf);
  static void note_program(CollectedProcess& into, const Process& process);
  void ask_for_names();
  void ask_for_names_of(CollectedProcess& process);
  void reject_wrong_files();
  void count_kernel_drops();
  [[nodiscard]] size_t aggregate_memory() const;

  CollectorOptions options_;
  ExecutableStore store_;
  std::unique_ptr<ProcessTable> table_;
  Sideband sideband_;
  EventQueue events_;
  std::unique_ptr<Sampler> sampler_;
  SampleBatch batch_;
  SymbolService symbols_;
  PerfMaps perf_maps_{symbols_};
  // What the kernel unwinds by; none of it where user stacks are not wanted.
  symbolizer::WorkerClient row_compiler_;
  std::unique_ptr<TableStore> unwind_tables_;
  std::unique_ptr<TableService> table_service_;
  std::unique_ptr<SpaceKeeper> spaces_;
  std::vector<Process*> changed_; // their mappings, since the kernel was told
  std::vector<Waiting> waiting_;
  size_t waiting_bytes_ = 0;
  const Mapping* touched_ = nullptr; // whose table was said to be in use last; only compared
  std::vector<std::unique_ptr<CollectedProcess>> collected_;
  std::unordered_map<uint64_t, CollectedProcess*> by_serial_;
  std::vector<TraceFrame> frames_; // scratch
  std::chrono::steady_clock::time_point names_asked_;
  bool may_grow_ = true;
  uint64_t malformed_ = 0;
  uint64_t unattributed_ = 0;
  uint64_t not_targets_ = 0;
};

} // namespace pprofd
