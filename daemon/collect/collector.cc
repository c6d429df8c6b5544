#include "daemon/collect/collector.h"

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <utility>

#include "daemon/kernel/vdso.h"
#include "daemon/unwind/compile.h"
#include "symbolizer/base/clock.h"

namespace pprofd {

namespace {

// Names are asked for in batches: each costs a message to the worker per file.
constexpr std::chrono::milliseconds kNamesInterval{500};

pprofd_frame_kind kind_of(uint64_t word) {
  return static_cast<pprofd_frame_kind>(word >> PPROFD_FRAME_KIND_SHIFT);
}

std::string_view thread_name(const pprofd_sample& sample) {
  const std::string_view name(sample.thread, sizeof(sample.thread));
  return name.substr(0, name.find('\0'));
}

// The rules for a sample's process, as its mappings were then.
class SampleRules : public UnwindRules {
public:
  // `no_waiting`: rows that are not there now count as not there at all.
  SampleRules(ProcessTable& processes, Process& process, uint64_t time, SpaceKeeper& spaces,
              TableService& tables, bool no_waiting)
      : processes_(&processes), process_(&process), time_(time), spaces_(&spaces), tables_(&tables),
        no_waiting_(no_waiting) {}

  unwind_lookup find(uint64_t pc, unwind_found& found) override {
    const Mapping* mapping = processes_->find_mapping(*process_, {pc}, time_);
    if (mapping == nullptr)
      return UNWIND_NO_MAPPING;
    const uint32_t table = spaces_->table_of(*mapping);
    if (table < PPROFD_TABLE_FIRST)
      return UNWIND_NO_UNWIND_INFO;
    const unwind_lookup result = tables_->find(table, mapping->file_offset({pc}).value, found);
    return result == UNWIND_PENDING && no_waiting_ ? UNWIND_NO_UNWIND_INFO : result;
  }

private:
  ProcessTable* processes_;
  Process* process_;
  uint64_t time_;
  SpaceKeeper* spaces_;
  TableService* tables_;
  bool no_waiting_;
};

} // namespace

void take_precedence() {
  constexpr int kNice = -10;
  (void)setpriority(PRIO_PROCESS, 0, kNice);
}

Collector::Collector(const CollectorOptions& options, Sideband sideband)
    : options_(options), table_(std::make_unique<ProcessTable>(ProcFs(), store_)),
      sideband_(std::move(sideband)),
      symbols_(
          {.worker = options.worker,
           .index_folder = options.index_folder,
           .make_indexes = options.make_indexes && options.names,
           .index_share = options.index_share,
           .debug_servers = options.names ? options.debuginfod.servers : std::vector<std::string>(),
           .fetch = options.fetch}),
      row_compiler_(options.worker), past_(options.past, options.past_limit) {}

Result<std::unique_ptr<Collector>> Collector::create(const CollectorOptions& options) {
  raise_open_files_limit();
  auto sampler = Sampler::load(options.sampler);
  if (!sampler)
    return std::unexpected(sampler.error());
  auto sideband = Sideband::open();
  if (!sideband)
    return std::unexpected(sideband.error());
  std::unique_ptr<Collector> collector(new Collector(options, std::move(*sideband)));
  collector->sampler_ = std::move(*sampler);
  if (options.sampler.user_stacks)
    collector->prepare_unwinding();
  return collector;
}

void Collector::prepare_unwinding() {
  const UnwindMaps maps = sampler_->unwind_maps();
  unwind_tables_ = std::make_unique<TableStore>(maps, options_.sampler.table_bytes);
  table_service_ = std::make_unique<TableService>(
      *unwind_tables_,
      [this](const TableService::File& file) { return compile_rows(row_compiler_, file); },
      [this](uint64_t file_id) { return open_for_rows(file_id); });
  spaces_ = std::make_unique<SpaceKeeper>(maps, *table_service_);
  table_->on_mappings = [this](Process& process) { changed_.push_back(&process); };
}

Result<TableService::File> Collector::open_for_rows(uint64_t file_id) {
  const bool is_vdso = file_id == kVdsoFileId;
  const ExecutableId id{static_cast<uint32_t>(file_id)};
  Result<Fd> fd = is_vdso ? vdso_image() : store_.descriptor(id);
  if (!fd)
    return std::unexpected(fd.error());
  const Executable* executable = is_vdso ? nullptr : store_.find(id);
  const bool held = executable != nullptr && executable->kernel_build_id;
  return TableService::File{file_id, std::move(*fd), held ? executable->build_id : std::string()};
}

// Processes that are no targets need no tables.
void Collector::update_spaces() {
  if (spaces_ == nullptr)
    return;
  std::ranges::sort(changed_);
  const auto doubles = std::ranges::unique(changed_);
  changed_.erase(doubles.begin(), doubles.end());
  for (const Process* process : std::exchange(changed_, {})) {
    if (process->exited || is_target(*process))
      spaces_->update(*process);
  }
}

Result<void> Collector::start() {
  started_ = monotonic_ns();
  windows_.begin(started_);
  if (auto started = sampler_->start(); !started)
    return started;
  if (auto scanned = table_->scan_all(); !scanned)
    return std::unexpected(scanned.error());
  return {};
}

void Collector::wait_for_work(int fd, std::chrono::nanoseconds at_most) {
  std::array<pollfd, 3> fds{{{.fd = fd, .events = POLLIN, .revents = 0},
                             {.fd = sampler_->ring_fd(), .events = POLLIN, .revents = 0},
                             {.fd = sideband_.poll_fd(), .events = POLLIN, .revents = 0}}};
  const int64_t wait = std::max<int64_t>(at_most.count(), 0);
  const timespec timeout{.tv_sec = wait / 1'000'000'000, .tv_nsec = wait % 1'000'000'000};
  ppoll(fds.data(), fds.size(), &timeout, nullptr);
  // A storm of mappings must not wake the reader for each of them.
  if (fds[2].revents != 0)
    std::this_thread::sleep_for(Sideband::kDrainInterval);
}

void Collector::tick() {
  sampler_->update_cpus();
  (void)sideband_.update_cpus(); // tried again at the next tick
  const uint64_t read_until = monotonic_ns();
  read_samples();
  const uint64_t complete_until = sideband_.drain(events_.incoming());
  events_.take(complete_until, [this](const ProcessEvent& event) { table_->apply(event); });
  store_.tick();
  update_spaces();
  take_samples(complete_until);
  update_spaces();
  if (table_service_ != nullptr && table_service_->tick())
    resume_waiting(Patience::kWait, CollectedWindow::kStillOpen);
  limit_copies();
  settle_windows(read_until);

  const auto now = std::chrono::steady_clock::now();
  if (now - names_asked_ >= kNamesInterval) {
    names_asked_ = now;
    ask_for_names();
    may_grow_ = windows_.memory() < options_.aggregate_limit;
    past_.forget(read_until);
    forget_unused(complete_until);
  }
  if (!windows_.empty() && windows_.front().settled)
    await_names(windows_.front());
  if (!pasts_.empty())
    await_names(pasts_.front());
}

bool Collector::finish(std::chrono::milliseconds names_at_most,
                       std::chrono::milliseconds rows_at_most) {
  sampler_->stop();
  windows_.end(monotonic_ns());
  read_samples();
  sideband_.drain(events_.incoming());
  constexpr uint64_t kAll = CollectedWindow::kStillOpen;
  events_.take(kAll, [this](const ProcessEvent& event) { table_->apply(event); });
  store_.tick();
  take_samples(kAll);
  if (table_service_ != nullptr)
    finish_waiting(rows_at_most);
  settle_windows(kAll);
  ask_for_names();
  await_fetched();
  const bool named = symbols_.finish(names_at_most);
  reject_wrong_files();
  windows_.for_each([named](OpenWindow& window) {
    window.data.named = window.ready ? window.data.named : named;
    window.ready = true;
  });
  return named;
}

void Collector::read_samples() {
  const size_t before = batch_.entries().size();
  malformed_ += sampler_->drain(batch_);
  received_ += batch_.entries().size() - before;
}

void Collector::take_samples(uint64_t until) {
  std::vector<SampleBatch::Entry> rest;
  for (const SampleBatch::Entry& entry : batch_.entries()) {
    if (entry.time <= until)
      take_sample(entry);
    else
      rest.push_back(entry);
  }
  batch_.keep(rest);
}

void Collector::take_sample(const SampleBatch::Entry& entry) {
  const pprofd_sample& sample = batch_.sample(entry);
  Process& process = *table_->find(static_cast<pid_t>(sample.pid), sample.start_time);
  if ((sample.flags & PPROFD_SAMPLE_UNDECIDED) != 0 && !is_target(process)) {
    ++not_targets_;
    return;
  }
  note_program(windows_.at(sample.header.time).process(process), process);
  // Of a process that was gone before anything was known of it, the sample knows a name.
  if (process.comm.empty())
    process.comm = thread_name(sample);
  const std::span<const uint64_t> words = batch_.frames(entry);
  const std::span<const std::byte> suspended = batch_.suspended(entry);
  if (spaces_ == nullptr || suspended.empty()) {
    add_sample(process, sample, words, static_cast<pprofd_stack_end>(sample.stack_end));
    return;
  }
  if (!spaces_->knows(process))
    changed_.push_back(&process);
  const auto kernel = words.first(sample.kernel_frames);
  auto stack = SuspendedStack::parse(suspended, words.subspan(sample.kernel_frames));
  if (!stack) {
    add_sample(process, sample, words, static_cast<pprofd_stack_end>(sample.stack_end));
    return;
  }
  Waiting waiting{sample, &process, {kernel.begin(), kernel.end()}, std::move(*stack)};
  if (walk_on(waiting, Patience::kWait) || waiting_bytes_ > options_.suspended_limit) {
    add_waiting(waiting);
    return;
  }
  waiting_bytes_ += waiting.stack.memory();
  waiting_.push_back(std::move(waiting));
}

// Returns whether the stack is as long as it will ever be.
bool Collector::walk_on(Waiting& waiting, Patience patience) {
  SampleRules rules(*table_, *waiting.process, waiting.sample.header.time, *spaces_,
                    *table_service_, patience == Patience::kGiveUp);
  waiting.stack.resume(rules);
  return waiting.stack.end() != PPROFD_STACK_PENDING;
}

void Collector::add_waiting(const Waiting& waiting) {
  std::vector<uint64_t> words = waiting.kernel_frames;
  const auto user = waiting.stack.frames();
  words.insert(words.end(), user.begin(), user.end());
  add_sample(*waiting.process, waiting.sample, words, waiting.stack.end());
}

// Those of samples before `until`.
void Collector::resume_waiting(Patience patience, uint64_t until) {
  waiting_bytes_ = 0;
  std::erase_if(waiting_, [&](Waiting& waiting) {
    const bool give_up = patience == Patience::kGiveUp;
    const bool asked = waiting.sample.header.time < until;
    const bool done = asked && (walk_on(waiting, patience) || give_up);
    if (done)
      add_waiting(waiting);
    else
      waiting_bytes_ += waiting.stack.memory();
    return done;
  });
}

uint64_t Collector::oldest_waiting(uint64_t otherwise) const {
  for (const Waiting& waiting : waiting_)
    otherwise = std::min<uint64_t>(otherwise, waiting.sample.header.time);
  return otherwise;
}

// The more stacks wait, the less of each is taken along.
void Collector::limit_copies() {
  const size_t left = options_.suspended_limit - std::min(waiting_bytes_, options_.suspended_limit);
  sampler_->set_copy_pages(
      static_cast<uint32_t>(left * UNWIND_SUSPENDED_PAGES / options_.suspended_limit));
}

void Collector::finish_waiting(std::chrono::milliseconds at_most) {
  const auto deadline = std::chrono::steady_clock::now() + at_most;
  while (!waiting_.empty() && std::chrono::steady_clock::now() < deadline) {
    table_service_->tick();
    table_service_->wait(std::chrono::milliseconds(50));
    if (table_service_->tick())
      resume_waiting(Patience::kWait, CollectedWindow::kStillOpen);
  }
  // No more rows are wanted, nor waited for. Stacks without go on by frame pointers, marked so.
  row_compiler_.abandon();
  resume_waiting(Patience::kGiveUp, CollectedWindow::kStillOpen);
}

void Collector::add_sample(Process& process, const pprofd_sample& sample,
                           std::span<const uint64_t> words, pprofd_stack_end end) {
  CollectedProcess& into = windows_.at(sample.header.time).process(process);
  frames_.clear();
  bool heuristic = false;
  for (const uint64_t word : words) {
    heuristic = heuristic || kind_of(word) == PPROFD_FRAME_NATIVE_HEURISTIC;
    frames_.push_back(resolve(into, process, word, sample.header.time, frames_.empty()));
  }
  // A sample whose stacks are not wanted still says where the time went.
  if (frames_.empty())
    frames_.push_back({0, (sample.flags & PPROFD_SAMPLE_IN_KERNEL) != 0 ? TraceFrame::kSomeKernel
                                                                        : TraceFrame::kSomeUser});
  const Aggregate::Sample added{.frames = frames_,
                                .tid = sample.tid,
                                .thread = thread_name(sample),
                                .value = sample.value,
                                .end = end,
                                .heuristic = heuristic};
  into.aggregate.add(added, may_grow_);
  into.frame_times.resize(into.aggregate.frames().size(), sample.header.time);
  past_.add(process, added, sample.header.time, into, may_grow_);
}

// Kept here, as it may be unmapped when the profile is made.
void Collector::note_program(CollectedProcess& into, const Process& process) {
  if (process.executable == nullptr ||
      (into.program && into.program->executable == process.executable))
    return;
  const auto& live = process.space.live();
  const auto found = std::ranges::find(live, process.executable, &Mapping::executable);
  if (found != live.end())
    into.program = *found;
}

TraceFrame Collector::resolve(CollectedProcess& into, Process& process, uint64_t word,
                              uint64_t time, bool leaf) {
  // The kernel's walk gives return addresses; only its leaf is the instruction itself.
  if (kind_of(word) == PPROFD_FRAME_KERNEL)
    return {leaf ? word : word - 1, TraceFrame::kKernel};
  const ProcessAddress address{word & PPROFD_FRAME_PAYLOAD_MASK};
  const Mapping* mapping = table_->find_mapping(process, address, time);
  if (mapping == nullptr)
    return {address.value, TraceFrame::kUnmapped};
  if (spaces_ != nullptr && mapping != touched_) {
    touched_ = mapping;
    if (const uint32_t table = spaces_->table_of(*mapping); table >= PPROFD_TABLE_FIRST)
      table_service_->touch(table);
  }
  // A copy: the table forgets what was unmapped. A mapping that grew is copied again.
  const auto [known, is_new] = into.mappings.try_emplace(mapping->id, *mapping);
  if (!is_new && !known->second.contains(address))
    known->second = *mapping;
  return {address.value, mapping->id};
}

void Collector::ask_for_names() {
  reject_wrong_files();
  renew_names();
  windows_.for_each([this](OpenWindow& window) {
    if (window.ready)
      return;
    for (const auto& process : window.data.processes)
      ask_for_names_of(*process);
  });
  perf_maps_.ask();
}

void Collector::ask_for_names_of(CollectedProcess& process) {
  const std::span<const TraceFrame> frames = process.aggregate.frames();
  std::map<const Mapping*, std::vector<FileOffset>> wanted;
  std::unordered_map<uint64_t, uint64_t> met; // addresses in no file, and when
  for (; process.frames_asked < frames.size(); ++process.frames_asked) {
    const TraceFrame& frame = frames[process.frames_asked];
    const auto mapping = process.mappings.find(frame.mapping);
    if (mapping == process.mappings.end())
      continue;
    const bool in_file = mapping->second.kind != MappingKind::anonymous;
    wanted[&mapping->second].push_back(in_file ? mapping->second.file_offset({frame.address})
                                               : FileOffset{frame.address});
    if (!in_file)
      met.emplace(frame.address, process.frame_times.at(process.frames_asked));
  }
  for (auto& [mapping, offsets] : wanted) {
    if (mapping->kind == MappingKind::anonymous) {
      if (options_.names)
        ask_for_jit_names(*process.process, offsets, met);
      continue;
    }
    const bool is_vdso = mapping->kind == MappingKind::vdso;
    if (!is_vdso && mapping->kind != MappingKind::file)
      continue;
    const uint64_t id = is_vdso ? kVdsoFileId : mapping->executable->id.value;
    std::vector<FileOffset> fresh = symbols_.take_new(id, offsets);
    if (fresh.empty())
      continue;
    Result<Fd> fd = is_vdso ? vdso_image() : store_.descriptor(mapping->executable->id);
    if (!fd) {
      symbols_.give_up(id, fresh, fd.error().why);
      continue;
    }
    if (!options_.names)
      fresh.clear(); // the build id alone
    const bool verify = !is_vdso && mapping->executable->kernel_build_id;
    FileToName file{.id = id,
                    .fd = std::move(*fd),
                    .expected_build_id = verify ? mapping->executable->build_id : std::string(),
                    .described = {}};
    if (!is_vdso)
      file.described = {.pid = process.process->exited ? 0 : process.process->pid,
                        .uid = process.process->uid,
                        .path = *mapping->executable->path,
                        .owned_by_root = mapping->executable->owned_by_root};
    symbols_.request(std::move(file), std::move(fresh));
  }
}

void Collector::ask_for_jit_names(const Process& process, std::span<const FileOffset> addresses,
                                  const std::unordered_map<uint64_t, uint64_t>& met) {
  const auto fresh = symbols_.take_new(PerfMaps::file_id(process), addresses);
  std::vector<uint64_t> times;
  times.reserve(fresh.size());
  for (const FileOffset address : fresh)
    times.push_back(met.at(address.value));
  perf_maps_.add(process, fresh, times);
}

void Collector::reject_wrong_files() {
  for (auto& [id, why] : symbols_.take_rejected())
    store_.reject(ExecutableId{static_cast<uint32_t>(id)}, std::move(why));
}

std::string Collector::build_id(const Executable& executable) const {
  return executable.build_id.empty() ? symbols_.names(executable.id.value).build_id
                                     : executable.build_id;
}

} // namespace pprofd
