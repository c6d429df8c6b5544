// The kernel side in user space's hands: loads the BPF programs, opens one perf event per online
// CPU, sets filters, drains the ring buffer, reads the counters.
//
// Owned and called by one thread (the collector's). Needs CAP_BPF and CAP_PERFMON, a kernel with
// BTF, bpf_loop and the ring buffer (5.17+).
#pragma once

#include <linux/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bpf/abi.h"
#include "daemon/perf/cpu_list.h"
#include "daemon/sampling/event.h"
#include "daemon/sampling/reasons.h"
#include "daemon/unwind/tables/unwind_maps.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

struct bpf_program;
struct pprofd_bpf;
struct ring_buffer;

namespace pprofd {

struct SamplerOptions {
  SamplingEvent event;
  unsigned frequency = 99; // Hz per CPU
  bool kernel_stacks = true;
  bool user_stacks = true;
  bool deaths = false; // whether processes that a signal ends are told of
  pprofd_verdict default_verdict = PPROFD_INCLUDE; // for processes that no filter names
  size_t table_bytes = size_t{64} << 20;           // of the kernel's memory, for unwind rows
};

// Records drained from the ring buffer, each a copy in one block of memory.
class SampleBatch {
public:
  struct Entry {
    uint64_t time;
    size_t offset;
  };

  // `words`: all that stands behind the sample in its record.
  void append(const pprofd_sample& sample, std::span<const uint64_t> words);
  [[nodiscard]] const pprofd_sample& sample(const Entry& entry) const;
  // Frame words of the sample: kernel frames, then user frames, leaf first.
  [[nodiscard]] std::span<const uint64_t> frames(const Entry& entry) const;
  // What a suspended walk needs to go on (bpf/unwind_state.h); empty: it is not suspended.
  [[nodiscard]] std::span<const std::byte> suspended(const Entry& entry) const;
  std::vector<Entry>& entries() { return entries_; }
  // Processes that a signal has ended; some may be told of twice.
  std::vector<pprofd_death>& deaths() { return deaths_; }
  // Drops what was consumed: keeps the given entries only, and deaths.
  void keep(std::span<const Entry> rest);

private:
  [[nodiscard]] std::span<const uint64_t> record(const Entry& entry) const;

  std::vector<uint64_t> words_; // 8-byte aligned, as records are
  std::vector<Entry> entries_;
  std::vector<pprofd_death> deaths_;
};

// Of all CPUs since the start. taken() = written + all drops, exact once stopped and drained.
struct SamplerCounters {
  uint64_t idle = 0;
  uint64_t filtered = 0;
  uint64_t written = 0; // into the ring buffer
  uint64_t ring_full = 0;
  uint64_t no_scratch = 0;
  uint64_t unattributed = 0; // of ring_full: not counted to a process
  uint64_t fork_unfollowed = 0;
  uint64_t suspended = 0;       // of those written, with a walk to go on with in user space
  uint64_t suspended_bytes = 0; // what that took in the ring buffer
  uint64_t run_nanos = 0;       // what the samples took in the kernel

  [[nodiscard]] uint64_t taken() const { return written + ring_full + no_scratch; }
};

struct ProcessDrops {
  uint32_t pid;
  uint64_t start_time; // ns, CLOCK_BOOTTIME
  uint64_t ring_full;
};

class Sampler {
public:
  // Loads the programs and attaches the optional ones; no sample is taken yet.
  static Result<std::unique_ptr<Sampler>> load(const SamplerOptions& options);
  ~Sampler();
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  // Opens and enables the events of all online CPUs. May follow a stop().
  Result<void> start();
  // Follows CPUs that have come online or gone since; cheap when none has.
  void update_cpus();
  // Closes all events: no program runs when it returns. What is in the ring buffer stays to be
  // drained.
  void stop();
  [[nodiscard]] bool sampling() const { return sampling_; }
  // Another frequency, in Hz, from now on. The ring buffer stays as large as it was made.
  Result<void> set_frequency(unsigned frequency);
  [[nodiscard]] unsigned frequency() const { return options_.frequency; }

  // Filters; each may change while sampling. A pid's entry is for the process that started at
  // start_time (ns, CLOCK_BOOTTIME), or for any when that is 0.
  Result<void> set_verdict(uint32_t pid, const pprofd_process_verdict& verdict);
  void clear_verdict(uint32_t pid);
  // For processes that no filter names.
  Result<void> set_default_verdict(pprofd_verdict verdict);
  Result<void> include_comm(std::string_view comm);
  // A cgroup v2 folder, with those below it.
  Result<void> include_cgroup(const std::string& folder);

  // False where the kernel refuses the tracers that follow fork and exec: then the caller must set
  // the verdicts of children itself.
  [[nodiscard]] bool follows_children() const { return follows_children_; }

  // False where the kernel refuses to tell of deaths.
  [[nodiscard]] bool reports_deaths() const { return reports_deaths_; }

  // How much of a stack comes along where its walk is to go on in user space: so many pages behind
  // the one that it begins in, at most UNWIND_SUSPENDED_PAGES, which is what it starts with.
  void set_copy_pages(uint32_t pages);

  // The maps that the unwinder works by; valid as long as the sampler.
  [[nodiscard]] UnwindMaps unwind_maps() const;

  // Readable when the ring buffer fills up faster than the drain's pace.
  [[nodiscard]] int ring_fd() const;
  // Appends all records that were there when it was called, and of those that have come since at
  // most what the ring buffer holds: the reader is sampled too, and would never end. Returns how
  // many did not fit the ABI (never seen).
  uint64_t drain(SampleBatch& batch);

  [[nodiscard]] SamplerCounters counters() const;
  [[nodiscard]] std::vector<ProcessDrops> process_drops() const;
  // Makes room for others' drops. For a process that has ended: it is not counted any more.
  void forget_drops(const ProcessDrops& drops) const;

  // Kernel memory of the maps that are allocated as a whole, in bytes; those for unwinding grow
  // with what is in them.
  [[nodiscard]] size_t fixed_map_bytes() const { return fixed_map_bytes_; }

private:
  struct SkeletonCloser {
    void operator()(pprofd_bpf* skeleton) const;
  };
  struct RingCloser {
    void operator()(ring_buffer* ring) const;
  };
  struct CpuEvent {
    int cpu;
    Fd fd;
  };

  explicit Sampler(const SamplerOptions& options) : options_(options) {}
  Result<void> load_programs();
  void size_maps(uint32_t ring_bytes);
  bool attach_tracer(const bpf_program& tracer);
  Result<void> write_config();
  Result<void> enable_on(int cpu);
  [[nodiscard]] std::array<uint64_t, PPROFD_COUNT_MAX> read_counters() const;
  static int on_record(void* context, void* data, size_t size);
  void take_record(const void* data, size_t size);
  bool take_death(const void* data, size_t size);

  SamplerOptions options_;
  pprofd_config config_{};
  std::unique_ptr<pprofd_bpf, SkeletonCloser> skeleton_;
  std::unique_ptr<ring_buffer, RingCloser> ring_;
  CpuWatch cpus_;
  std::vector<CpuEvent> events_;
  std::vector<Fd> links_;
  std::vector<Fd> cgroups_;
  bool follows_children_ = false;
  bool reports_deaths_ = false;
  bool sampling_ = false;
  size_t fixed_map_bytes_ = 0;
  SampleBatch* drain_to_ = nullptr;
  size_t drained_bytes_ = 0; // by this drain
  uint64_t malformed_ = 0;
};

} // namespace pprofd
