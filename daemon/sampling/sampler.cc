#include "daemon/sampling/sampler.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "bpf/pprofd_bpf.skel.h"
#include "bpf/unwind_state.h"
#include "daemon/perf/perf_event.h"

namespace pprofd {

namespace {

// The drain comes several times a second; the ring holds two seconds of records of this size, so
// that a reader that was held up loses nothing.
constexpr uint64_t kTypicalRecordBytes = 768;
constexpr uint64_t kRingSeconds = 2;
// While unwind rows are still made, stacks come along that are much larger.
constexpr uint64_t kMinRingBytes = 4096UL * 1024;
constexpr uint64_t kMaxRingBytes = 16UL * 1024 * 1024;

uint32_t ring_bytes(unsigned frequency, size_t cpus) {
  const uint64_t wanted = frequency * cpus * kTypicalRecordBytes * kRingSeconds;
  return static_cast<uint32_t>(std::bit_ceil(std::clamp(wanted, kMinRingBytes, kMaxRingBytes)));
}

// libbpf explains a failed load on its log only; the last of it is kept for the error message.
thread_local std::string libbpf_log;

int keep_log(libbpf_print_level level, const char* format, va_list arguments) {
  if (level == LIBBPF_DEBUG)
    return 0;
  std::array<char, 512> line{};
  const int length = vsnprintf(line.data(), line.size(), format, arguments);
  libbpf_log.assign(line.data());
  while (!libbpf_log.empty() && libbpf_log.back() == '\n')
    libbpf_log.pop_back();
  return length;
}

} // namespace

void SampleBatch::append(const pprofd_sample& sample, std::span<const uint64_t> words) {
  entries_.push_back({sample.header.time, words_.size()});
  const size_t header_words = sizeof(sample) / sizeof(uint64_t);
  words_.resize(words_.size() + header_words);
  std::memcpy(&words_[words_.size() - header_words], &sample, sizeof(sample));
  words_.insert(words_.end(), words.begin(), words.end());
}

const pprofd_sample& SampleBatch::sample(const Entry& entry) const {
  return *reinterpret_cast<const pprofd_sample*>(&words_[entry.offset]);
}

std::span<const uint64_t> SampleBatch::record(const Entry& entry) const {
  return std::span(words_).subspan(entry.offset, sample(entry).header.size / sizeof(uint64_t));
}

std::span<const uint64_t> SampleBatch::frames(const Entry& entry) const {
  const pprofd_sample& head = sample(entry);
  return record(entry).subspan(sizeof(head) / sizeof(uint64_t),
                               size_t{head.kernel_frames} + head.user_frames);
}

std::span<const std::byte> SampleBatch::suspended(const Entry& entry) const {
  const pprofd_sample& head = sample(entry);
  if ((head.flags & PPROFD_SAMPLE_SUSPENDED) == 0)
    return {};
  const std::span<const uint64_t> frame_words = frames(entry);
  const size_t before = sizeof(head) + frame_words.size_bytes() + head.labels_size;
  return std::as_bytes(record(entry)).subspan(before);
}

void SampleBatch::keep(std::span<const Entry> rest) {
  SampleBatch kept;
  for (const Entry& entry : rest)
    kept.append(sample(entry), record(entry).subspan(sizeof(pprofd_sample) / sizeof(uint64_t)));
  kept.deaths_ = std::move(deaths_);
  *this = std::move(kept);
}

void Sampler::SkeletonCloser::operator()(pprofd_bpf* skeleton) const {
  pprofd_bpf__destroy(skeleton);
}

void Sampler::RingCloser::operator()(ring_buffer* ring) const {
  ring_buffer__free(ring);
}

Sampler::~Sampler() = default;

Result<std::unique_ptr<Sampler>> Sampler::load(const SamplerOptions& options) {
  std::unique_ptr<Sampler> sampler(new Sampler(options));
  if (auto loaded = sampler->load_programs(); !loaded)
    return std::unexpected(loaded.error());
  return sampler;
}

Result<void> Sampler::load_programs() {
  libbpf_set_print(keep_log);
  skeleton_.reset(pprofd_bpf__open());
  if (!skeleton_)
    return fail_errno("open the BPF programs", errno);
  if (auto cpus = cpus_.poll(); !cpus)
    return std::unexpected(cpus.error());
  const uint32_t bytes = ring_bytes(options_.frequency, cpus_.online().size());
  size_maps(bytes);

  bpf_program__set_autoload(skeleton_->progs.report_death, options_.deaths);
  int status = pprofd_bpf__load(skeleton_.get());
  if (status != 0) {
    // The tracers are optional: a kernel that refuses them may still take the sampler.
    skeleton_.reset(pprofd_bpf__open());
    if (!skeleton_)
      return fail_errno("open the BPF programs", errno);
    size_maps(bytes);
    bpf_program__set_autoload(skeleton_->progs.follow_fork, false);
    bpf_program__set_autoload(skeleton_->progs.follow_exec, false);
    bpf_program__set_autoload(skeleton_->progs.report_death, false);
    status = pprofd_bpf__load(skeleton_.get());
  }
  if (status != 0)
    return fail("load the BPF programs", errno_text(-status) + " (" + libbpf_log + ")",
                "run 'pprofd doctor' to see what this kernel and these privileges lack");

  const bool forks = attach_tracer(*skeleton_->progs.follow_fork);
  const bool execs = attach_tracer(*skeleton_->progs.follow_exec);
  follows_children_ = forks && execs;
  reports_deaths_ = attach_tracer(*skeleton_->progs.report_death);

  const pprofd_config config{
      .default_verdict = static_cast<uint8_t>(options_.default_verdict),
      .match_pid = 0,
      .match_comm = 0,
      .kernel_stacks = options_.kernel_stacks,
      .user_stacks = options_.user_stacks,
      .pad = {},
      .cgroups = 0,
      .copy_pages = UNWIND_SUSPENDED_PAGES,
      .wakeup_bytes = bytes / 4,
      .few_bytes = bytes / 2,
  };
  config_ = config;
  if (auto written = write_config(); !written)
    return written;

  ring_.reset(ring_buffer__new(bpf_map__fd(skeleton_->maps.samples), on_record, this, nullptr));
  if (!ring_)
    return fail_errno("map the ring buffer of samples", errno);
  return {};
}

bool Sampler::attach_tracer(const bpf_program& tracer) {
  const int program = bpf_program__fd(&tracer);
  Fd link(program < 0 ? -1 : bpf_raw_tracepoint_open(nullptr, program));
  const bool attached = static_cast<bool>(link);
  links_.push_back(std::move(link));
  return attached;
}

void Sampler::size_maps(uint32_t ring_bytes) {
  bpf_map__set_max_entries(skeleton_->maps.samples, ring_bytes);
  bpf_map__set_max_entries(skeleton_->maps.scratches,
                           static_cast<uint32_t>(libbpf_num_possible_cpus()));
  bpf_map__set_max_entries(skeleton_->maps.tables,
                           static_cast<uint32_t>(options_.table_bytes / kTableChunkBytes));
  fixed_map_bytes_ = ring_bytes;
  for (const bpf_map* map : {skeleton_->maps.scratches, skeleton_->maps.drops,
                             skeleton_->maps.rules, skeleton_->maps.comms})
    fixed_map_bytes_ +=
        size_t{bpf_map__max_entries(map)} * (bpf_map__key_size(map) + bpf_map__value_size(map));
}

void Sampler::set_copy_pages(uint32_t pages) {
  if (config_.copy_pages == pages)
    return;
  config_.copy_pages = pages;
  (void)write_config(); // it worked before; if not now, copies stay as large as they were
}

UnwindMaps Sampler::unwind_maps() const {
  return UnwindMaps({.processes = bpf_map__fd(skeleton_->maps.processes),
                     .spaces = bpf_map__fd(skeleton_->maps.spaces),
                     .tables = bpf_map__fd(skeleton_->maps.tables),
                     .rules = bpf_map__fd(skeleton_->maps.rules)});
}

Result<void> Sampler::write_config() {
  const uint32_t zero = 0;
  if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.config), &zero, &config_, BPF_ANY) != 0)
    return fail_errno("configure the BPF programs", errno);
  return {};
}

Result<void> Sampler::enable_on(int cpu) {
  perf_event_attr attr{};
  attr.type = options_.event.type;
  attr.config = options_.event.config;
  attr.disabled = 1;
  attr.exclude_idle = 1;
  attr.exclude_guest = 1;
  if (options_.event.is_clock()) {
    attr.sample_period = 1'000'000'000 / options_.frequency;
  } else {
    attr.freq = 1;
    attr.sample_freq = options_.frequency;
  }
  std::expected<Fd, int> event = perf_event_open(attr, -1, cpu);
  if (!event)
    return std::unexpected(perf_event_error("open the " + std::string(options_.event.name) +
                                                " event of CPU " + std::to_string(cpu),
                                            event.error()));
  const int program = bpf_program__fd(skeleton_->progs.sample_cpu);
  if (ioctl(event->get(), PERF_EVENT_IOC_SET_BPF, program) != 0)
    return fail_errno("attach the sampler to CPU " + std::to_string(cpu), errno);
  if (ioctl(event->get(), PERF_EVENT_IOC_ENABLE, 0) != 0)
    return fail_errno("enable sampling on CPU " + std::to_string(cpu), errno);
  events_.push_back({cpu, std::move(*event)});
  return {};
}

Result<void> Sampler::start() {
  sampling_ = true;
  for (const int cpu : cpus_.online()) {
    if (auto enabled = enable_on(cpu); !enabled)
      return enabled;
  }
  return {};
}

void Sampler::update_cpus() {
  const auto changes = cpus_.poll();
  if (!changes || !sampling_)
    return;
  for (const int cpu : changes->went)
    std::erase_if(events_, [&](const CpuEvent& event) { return event.cpu == cpu; });
  // A CPU that goes away again while its event is opened is simply not sampled.
  for (const int cpu : changes->came)
    (void)enable_on(cpu);
}

void Sampler::stop() {
  events_.clear();
  sampling_ = false;
}

// The clock's event does not tell the program of a period that was changed while it is open.
Result<void> Sampler::set_frequency(unsigned frequency) {
  options_.frequency = frequency;
  if (!sampling_)
    return {};
  stop();
  return start();
}

Result<void> Sampler::set_verdict(uint32_t pid, const pprofd_process_verdict& verdict) {
  if (config_.match_pid == 0) {
    config_.match_pid = 1;
    if (auto written = write_config(); !written)
      return written;
  }
  if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.verdicts), &pid, &verdict, BPF_ANY) != 0)
    return fail_errno("set the filter for process " + std::to_string(pid), errno);
  return {};
}

void Sampler::clear_verdict(uint32_t pid) {
  bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.verdicts), &pid);
}

Result<void> Sampler::set_default_verdict(pprofd_verdict verdict) {
  config_.default_verdict = static_cast<uint8_t>(verdict);
  return write_config();
}

Result<void> Sampler::include_comm(std::string_view comm) {
  std::array<char, PPROFD_COMM_SIZE> key{};
  comm.copy(key.data(), key.size() - 1);
  const uint8_t present = 1;
  if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.comms), key.data(), &present, BPF_ANY) != 0)
    return fail_errno("set the filter for the name " + std::string(comm), errno);
  config_.match_comm = 1;
  return write_config();
}

Result<void> Sampler::include_cgroup(const std::string& folder) {
  Fd cgroup(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup)
    return fail_errno("open the cgroup " + folder, errno);
  if (config_.cgroups == PPROFD_MAX_CGROUPS)
    return fail("set the filter for the cgroup " + folder,
                "at most " + std::to_string(PPROFD_MAX_CGROUPS) + " cgroups can be watched");
  const uint32_t index = config_.cgroups;
  const int fd = cgroup.get();
  if (bpf_map_update_elem(bpf_map__fd(skeleton_->maps.cgroups), &index, &fd, BPF_ANY) != 0)
    return fail_errno("set the filter for the cgroup " + folder, errno);
  ++config_.cgroups;
  return write_config();
}

int Sampler::ring_fd() const {
  return ring_buffer__epoll_fd(ring_.get());
}

// Less than 0 ends the drain, behind this record.
int Sampler::on_record(void* context, void* data, size_t size) {
  Sampler& self = *static_cast<Sampler*>(context);
  self.take_record(data, size);
  self.drained_bytes_ += size;
  return self.drained_bytes_ < bpf_map__max_entries(self.skeleton_->maps.samples) ? 0 : -1;
}

bool Sampler::take_death(const void* data, size_t size) {
  const auto* death = static_cast<const pprofd_death*>(data);
  if (size != sizeof(*death) || death->header.type != PPROFD_RECORD_DEATH ||
      death->header.size != size)
    return false;
  drain_to_->deaths().push_back(*death);
  return true;
}

void Sampler::take_record(const void* data, size_t size) {
  if (take_death(data, size))
    return;
  const auto* sample = static_cast<const pprofd_sample*>(data);
  if (size < sizeof(*sample) || sample->header.type != PPROFD_RECORD_SAMPLE ||
      sample->header.size != size || sample->header.header_size != sizeof(*sample)) {
    ++malformed_;
    return;
  }
  const size_t frames = size_t{sample->kernel_frames} + sample->user_frames;
  const size_t known = sizeof(*sample) + (frames * sizeof(uint64_t)) + sample->labels_size;
  const bool suspended = (sample->flags & PPROFD_SAMPLE_SUSPENDED) != 0;
  if (size % sizeof(uint64_t) != 0 || known > size || (known != size && !suspended)) {
    ++malformed_;
    return;
  }
  const auto* words = reinterpret_cast<const uint64_t*>(sample + 1);
  drain_to_->append(*sample, {words, (size - sizeof(*sample)) / sizeof(uint64_t)});
}

uint64_t Sampler::drain(SampleBatch& batch) {
  drain_to_ = &batch;
  drained_bytes_ = 0;
  malformed_ = 0;
  ring_buffer__consume(ring_.get());
  drain_to_ = nullptr;
  return malformed_;
}

std::array<uint64_t, PPROFD_COUNT_MAX> Sampler::read_counters() const {
  std::array<uint64_t, PPROFD_COUNT_MAX> sums{};
  std::vector<uint64_t> per_cpu(static_cast<size_t>(libbpf_num_possible_cpus()));
  for (uint32_t which = 0; which < sums.size(); ++which) {
    if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.counters), &which, per_cpu.data()) == 0)
      sums.at(which) = std::accumulate(per_cpu.begin(), per_cpu.end(), uint64_t{0});
  }
  return sums;
}

SamplerCounters Sampler::counters() const {
  const auto sums = read_counters();
  return {
      .idle = sums[PPROFD_COUNT_IDLE],
      .filtered = sums[PPROFD_COUNT_FILTERED],
      .written = sums[PPROFD_COUNT_WRITTEN],
      .ring_full = sums[PPROFD_COUNT_DROPPED_RING_FULL],
      .no_scratch = sums[PPROFD_COUNT_DROPPED_NO_SCRATCH],
      .unattributed = sums[PPROFD_COUNT_DROPPED_UNATTRIBUTED],
      .fork_unfollowed = sums[PPROFD_COUNT_FORK_UNFOLLOWED],
      .suspended = sums[PPROFD_COUNT_SUSPENDED],
      .suspended_bytes = sums[PPROFD_COUNT_SUSPENDED_BYTES],
      .run_nanos = sums[PPROFD_COUNT_RUN_NANOS],
  };
}

std::vector<ProcessDrops> Sampler::process_drops() const {
  std::vector<ProcessDrops> all;
  const int map = bpf_map__fd(skeleton_->maps.drops);
  pprofd_process_key key{};
  const pprofd_process_key* previous = nullptr;
  while (bpf_map_get_next_key(map, previous, &key) == 0) {
    pprofd_process_drops drops{};
    if (bpf_map_lookup_elem(map, &key, &drops) == 0)
      all.push_back({key.pid, key.start_time, drops.ring_full});
    previous = &key;
  }
  return all;
}

void Sampler::forget_drops(const ProcessDrops& drops) const {
  const pprofd_process_key key{.start_time = drops.start_time, .pid = drops.pid, .pad = 0};
  bpf_map_delete_elem(bpf_map__fd(skeleton_->maps.drops), &key);
}

} // namespace pprofd
