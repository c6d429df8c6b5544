// The sampling side put together: samples from the kernel, process events, the process table,
// one aggregate per process and window, and names asked for on the way.
//
// The owner's loop (one thread):
//   wait_for_work(…); tick();
//   while (ready() != nullptr) { …; done(); }
// with end_window() where one window ends and the next begins, and at the end finish(). Order
// inside a tick: samples are read first, then the process events that had happened by then are
// applied, then the samples are looked up.
//
// Sampling does not stop between windows: a sample belongs to the window of its own time, and what
// a window still waits for (unwind rows, names) it waits for beside the sampling of the next ones,
// up to a deadline. What no open window and no live process needs is forgotten.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "daemon/aggregate/aggregate.h"
#include "daemon/collect/perf_maps.h"
#include "daemon/collect/sample_past.h"
#include "daemon/collect/window.h"
#include "daemon/collect/window_set.h"
#include "daemon/debuginfod/choice.h"
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
  // Indexes of files, as SymbolServiceOptions has it.
  std::string index_folder;
  bool make_indexes = true;
  double index_share = 0;
  // Where debug information is fetched from, as SymbolServiceOptions has it, and how long finish()
  // waits for that.
  DebuginfodChoice debuginfod;
  bool fetch = true;
  // Of all aggregates together; over it, samples with new traces are dropped (table_full).
  size_t aggregate_limit = size_t{64} << 20;
  // Of stacks that wait for unwind rows; over it, they stay as far as they were unwound.
  size_t suspended_limit = size_t{32} << 20;
  // Of the names that are kept from window to window.
  size_t names_limit = size_t{32} << 20;
  // How far back samples are kept beside the windows, for keep_past(); 0: not at all. And of those,
  // the bytes.
  std::chrono::nanoseconds past{0};
  size_t past_limit = size_t{8} << 20;
  // How long a window that has ended waits for unwind rows, and in all for names.
  std::chrono::milliseconds rows_at_most{5'000};
  std::chrono::milliseconds names_at_most{15'000};
};

// What the collector holds at this moment.
struct CollectorFigures {
  size_t processes = 0;   // live and exited ones
  size_t executables = 0; // files
  size_t mappings = 0;    // executable ones, of all processes, replaced ones included
  size_t windows = 0;     // not done with
  size_t names_bytes = 0;
  size_t aggregate_bytes = 0;
  size_t past_bytes = 0;
  TableStats tables;      // of unwind rows
  size_t space_bytes = 0; // of the kernel's knowledge of mappings
};

// Where all CPUs are taken, short processes and stacks that wait for rows would wait for us. What
// is needed is little; where a higher priority is not allowed it goes on as it was.
void take_precedence();

class Collector {
public:
  // Loads the BPF programs and opens the process events; nothing is sampled yet.
  static Result<std::unique_ptr<Collector>> create(const CollectorOptions& options);
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  Sampler& sampler() { return *sampler_; }
  ProcessTable& processes() { return *table_; }
  [[nodiscard]] const SymbolService& symbols() const { return symbols_; }
  // Waits for indexes that are being made, at most so long. Returns whether all are.
  bool finish_indexes(std::chrono::milliseconds at_most) {
    return symbols_.finish_indexes(at_most);
  }
  // The build id of a file: the kernel's word, or what the worker read; empty: none known.
  [[nodiscard]] std::string build_id(const Executable& executable) const;

  // Decides about processes that the kernel's filter leaves undecided. Set before start().
  std::function<bool(const Process&)> is_target = [](const Process&) { return true; };

  // Begins the first window and its sampling, then reads the processes there are: what a sample
  // needs is known before it is looked up.
  Result<void> start();

  // Waits until `fd` is readable, samples or process events want to be read, or the time is over.
  void wait_for_work(int fd, std::chrono::nanoseconds at_most);

  // Gives a process a profile even if no sample of it comes.
  void watch(const Process& process) { windows_.back().process(process); }

  // Takes in what has come. Cheap when nothing has.
  void tick();

  // The window ends now, and the next one begins.
  void end_window();
  // Between the two no sample is taken; process events are.
  void pause();
  Result<void> resume();

  // The oldest window, once it waits for nothing any more, else nullptr. It may be emptied, process
  // by process; the processes themselves stay until done().
  CollectedWindow* ready();
  // The window that ready() gave is out.
  void done();

  // Processes that a signal has ended since the last call; some may be told of twice. None where
  // the kernel refuses to tell, or options.sampler.deaths is not set.
  std::vector<pprofd_death> take_deaths();
  // Whether there are samples of a process that keep_past() would keep.
  [[nodiscard]] bool has_past(const Process& process) const { return past_.holds(process); }
  // Of a process, lately, a window of its own, which becomes ready once its names are there; it is
  // in no other's totals. False: nothing is known of it.
  bool keep_past(const Process& process);
  // As ready() and done(). The window's only process is there until done_with_past().
  CollectedWindow* ready_past();
  void done_with_past() { pasts_.pop_front(); }
  // Gives memory back: what keep_past() would keep.
  void forget_past() { past_.clear(); }

  // Stops sampling, takes in the rest, completes the accounting and waits for unwind rows, for what
  // is being fetched (CollectorOptions::debuginfod) and then for names, at most so long: all
  // windows are ready then. Returns whether all names came in time.
  bool finish(std::chrono::milliseconds names_at_most,
              std::chrono::milliseconds rows_at_most = std::chrono::seconds(5));

  // The window that is sampled into (after finish(): the last one), with its totals so far.
  [[nodiscard]] const CollectedWindow& current() const { return windows_.back().data; }
  [[nodiscard]] CollectorTotals totals() const;

  [[nodiscard]] CollectorFigures figures() const;
  // Of the worker that compiles unwind rows.
  [[nodiscard]] symbolizer::WorkerStatus row_worker_status() const {
    return row_compiler_.status();
  }
  // Records read from the ring buffer so far.
  [[nodiscard]] uint64_t received() const { return received_; }

  // What a user is to be told of debuginfod servers, since the last call.
  std::vector<Error> take_fetch_troubles() { return symbols_.take_fetch_troubles(); }

  // Gives memory back: what making indexes takes.
  void give_up_indexes() { symbols_.give_up_indexes(); }
  // Gives memory back: names and files that nobody needs now. They cost work when they are wanted
  // again.
  void drop_caches();
  // New traces are dropped (table_full) until there is room below the limit.
  void set_aggregate_limit(size_t bytes) { options_.aggregate_limit = bytes; }
  // Unwind rows go, the longest unused first, until they fit.
  void set_table_limit(size_t bytes);

private:
  explicit Collector(const CollectorOptions& options, Sideband sideband);

  void read_samples();
  void take_samples(uint64_t until);
  void take_sample(const SampleBatch::Entry& entry);
  // A sample whose stack waits for unwind rows.
  struct Waiting {
    pprofd_sample sample;
    Process* process;
    std::vector<uint64_t> kernel_frames;
    SuspendedStack stack;
  };
  // Whether it may still wait for rows that are not there.
  enum class Patience { kWait, kGiveUp };
  bool walk_on(Waiting& waiting, Patience patience);
  void resume_waiting(Patience patience, uint64_t until);
  void add_waiting(const Waiting& waiting);
  void limit_copies();
  void finish_waiting(std::chrono::milliseconds at_most);
  [[nodiscard]] uint64_t oldest_waiting(uint64_t otherwise) const;
  void add_sample(Process& process, const pprofd_sample& sample, std::span<const uint64_t> words,
                  pprofd_stack_end end);
  void update_spaces();
  void prepare_unwinding();
  Result<TableService::File> open_for_rows(uint64_t file_id);
  TraceFrame resolve(CollectedProcess& into, Process& process, uint64_t word, uint64_t time,
                     bool leaf);
  static void note_program(CollectedProcess& into, const Process& process);
  void ask_for_names();
  void await_fetched();
  void renew_names();
  void ask_for_names_of(CollectedProcess& process);
  void ask_for_jit_names(const Process& process, std::span<const FileOffset> addresses,
                         const std::unordered_map<uint64_t, uint64_t>& met);
  void ask_again(const Process* process);
  void reject_wrong_files();
  void settle_windows(uint64_t read_until);
  void settle(OpenWindow& window);
  void count_kernel_drops(OpenWindow& window);
  void count_other_drops(OpenWindow& window);
  void await_names(OpenWindow& window);
  [[nodiscard]] bool is_held(const Process& process) const;
  void forget_unused(uint64_t complete_until);
  void forget_executables(size_t keep);

  CollectorOptions options_;
  ExecutableStore store_;
  std::unique_ptr<ProcessTable> table_;
  Sideband sideband_;
  EventQueue events_;
  std::unique_ptr<Sampler> sampler_;
  SampleBatch batch_;
  SymbolService symbols_;
  PerfMaps perf_maps_{symbols_, store_};
  // What the kernel unwinds by; none of it where user stacks are not wanted.
  symbolizer::WorkerClient row_compiler_;
  std::unique_ptr<TableStore> unwind_tables_;
  std::unique_ptr<TableService> table_service_;
  std::unique_ptr<SpaceKeeper> spaces_;
  std::vector<Process*> changed_; // their mappings, since the kernel was told
  std::vector<Waiting> waiting_;
  size_t waiting_bytes_ = 0;
  const Mapping* touched_ = nullptr; // whose table was said to be in use last; only compared
  WindowSet windows_;
  SamplePast past_;
  std::deque<OpenWindow> pasts_;   // that keep_past() made
  std::vector<TraceFrame> frames_; // scratch
  std::chrono::steady_clock::time_point names_asked_;
  bool may_grow_ = true;
  uint64_t started_ = 0; // ns, CLOCK_MONOTONIC
  uint64_t received_ = 0;
  uint64_t malformed_ = 0;
  uint64_t not_targets_ = 0;
  CollectorTotals counted_; // what earlier windows were told of: all but the samples
  std::map<std::pair<uint32_t, uint64_t>, uint64_t> drops_counted_; // by pid and start time
};

} // namespace pprofd
