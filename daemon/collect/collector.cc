#include "daemon/collect/collector.h"

#include <algorithm>
#include <limits>
#include <map>
#include <string_view>
#include <utility>

#include "daemon/kernel/vdso.h"
#include "daemon/unwind/compile.h"

namespace pprofd {

namespace {

// Names are asked for in batches: each costs a message to the worker per file.
constexpr std::chrono::milliseconds kNamesInterval{500};
// How long the end of a recording waits for unwind rows.
constexpr std::chrono::seconds kRowsAtMost{5};

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
  SampleRules(ProcessTable& processes, Process& process, uint64_t time, SpaceKeeper& spaces,
              TableService& tables)
      : processes_(&processes), process_(&process), time_(time), spaces_(&spaces),
        tables_(&tables) {}

  unwind_lookup find(uint64_t pc, unwind_found& found) override {
    const Mapping* mapping = processes_->find_mapping(*process_, {pc}, time_);
    if (mapping == nullptr)
      return UNWIND_NO_MAPPING;
    const uint32_t table = spaces_->table_of(*mapping);
    if (table < PPROFD_TABLE_FIRST)
      return UNWIND_NO_UNWIND_INFO;
    return tables_->find(table, mapping->file_offset({pc}).value, found);
  }

private:
  ProcessTable* processes_;
  Process* process_;
  uint64_t time_;
  SpaceKeeper* spaces_;
  TableService* tables_;
};

} // namespace

Collector::Collector(const CollectorOptions& options, Sideband sideband)
    : options_(options), table_(std::make_unique<ProcessTable>(ProcFs(), store_)),
      sideband_(std::move(sideband)), symbols_(options.worker), row_compiler_(options.worker) {}

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
  if (auto started = sampler_->start(); !started)
    return started;
  if (auto scanned = table_->scan_all(); !scanned)
    return std::unexpected(scanned.error());
  return {};
}

void Collector::tick() {
  sampler_->update_cpus();
  (void)sideband_.update_cpus(); // tried again at the next tick
  malformed_ += sampler_->drain(batch_);
  const uint64_t complete_until = sideband_.drain(events_.incoming());
  events_.take(complete_until, [this](const ProcessEvent& event) { table_->apply(event); });
  store_.tick();
  update_spaces();
  take_samples(complete_until);
  update_spaces();
  if (table_service_ != nullptr && table_service_->tick())
    resume_waiting();
  limit_copies();

  const auto now = std::chrono::steady_clock::now();
  if (now - names_asked_ >= kNamesInterval) {
    names_asked_ = now;
    ask_for_names();
    may_grow_ = aggregate_memory() < options_.aggregate_limit;
    if (waiting_.empty())
      table_->forget_replaced(complete_until);
    table_->retire_exited(complete_until, [this](const Process& process) {
      return !by_serial_.contains(process.serial);
    });
  }
}

bool Collector::finish(std::chrono::milliseconds names_at_most) {
  sampler_->stop();
  malformed_ += sampler_->drain(batch_);
  sideband_.drain(events_.incoming());
  constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();
  events_.take(kAll, [this](const ProcessEvent& event) { table_->apply(event); });
  store_.tick();
  take_samples(kAll);
  if (table_service_ != nullptr)
    finish_waiting(std::chrono::steady_clock::now() + kRowsAtMost);
  count_kernel_drops();
  ask_for_names();
  const bool named = symbols_.finish(names_at_most);
  reject_wrong_files();
  return named;
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

CollectedProcess& Collector::collected_for(const Process& process) {
  const auto [position, is_new] = by_serial_.try_emplace(process.serial);
  if (is_new) {
    collected_.push_back(std::make_unique<CollectedProcess>());
    position->second = collected_.back().get();
    position->second->process = &process;
  }
  return *position->second;
}

void Collector::take_sample(const SampleBatch::Entry& entry) {
  const pprofd_sample& sample = batch_.sample(entry);
  Process& process = *table_->find(static_cast<pid_t>(sample.pid), sample.start_time);
  if ((sample.flags & PPROFD_SAMPLE_UNDECIDED) != 0 && !is_target(process)) {
    ++not_targets_;
    return;
  }
  CollectedProcess& into = collected_for(process);
  note_program(into, process);
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
  if (resume(waiting) || waiting_bytes_ > options_.suspended_limit) {
    add_waiting(waiting);
    return;
  }
  waiting_bytes_ += waiting.stack.memory();
  waiting_.push_back(std::move(waiting));
}

// Returns whether the stack is as long as it will ever be.
bool Collector::resume(Waiting& waiting) {
  SampleRules rules(*table_, *waiting.process, waiting.sample.header.time, *spaces_,
                    *table_service_);
  waiting.stack.resume(rules);
  return waiting.stack.end() != PPROFD_STACK_PENDING;
}

void Collector::add_waiting(const Waiting& waiting) {
  std::vector<uint64_t> words = waiting.kernel_frames;
  const auto user = waiting.stack.frames();
  words.insert(words.end(), user.begin(), user.end());
  add_sample(*waiting.process, waiting.sample, words, waiting.stack.end());
}

void Collector::resume_waiting() {
  waiting_bytes_ = 0;
  std::erase_if(waiting_, [this](Waiting& waiting) {
    const bool done = resume(waiting);
    if (done)
      add_waiting(waiting);
    else
      waiting_bytes_ += waiting.stack.memory();
    return done;
  });
}

// The more stacks wait, the less of each is taken along.
void Collector::limit_copies() {
  const size_t left = options_.suspended_limit - std::min(waiting_bytes_, options_.suspended_limit);
  sampler_->set_copy_pages(
      static_cast<uint32_t>(left * UNWIND_SUSPENDED_PAGES / options_.suspended_limit));
}

void Collector::finish_waiting(std::chrono::steady_clock::time_point deadline) {
  while (!waiting_.empty() && std::chrono::steady_clock::now() < deadline) {
    table_service_->tick();
    table_service_->wait(std::chrono::milliseconds(50));
    if (table_service_->tick())
      resume_waiting();
  }
  // No more rows are wanted, nor waited for. Stacks without go on by frame pointers, marked so.
  row_compiler_.abandon();
  table_service_->give_up();
  resume_waiting();
  for (const Waiting& waiting : std::exchange(waiting_, {}))
    add_waiting(waiting);
}

void Collector::add_sample(Process& process, const pprofd_sample& sample,
                           std::span<const uint64_t> words, pprofd_stack_end end) {
  CollectedProcess& into = collected_for(process);
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
  into.aggregate.add({.frames = frames_,
                      .tid = sample.tid,
                      .thread = thread_name(sample),
                      .value = sample.value,
                      .end = end,
                      .heuristic = heuristic},
                     may_grow_);
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
  for (const auto& process : collected_)
    ask_for_names_of(*process);
  perf_maps_.ask();
}

void Collector::ask_for_names_of(CollectedProcess& process) {
  const std::span<const TraceFrame> frames = process.aggregate.frames();
  std::map<const Mapping*, std::vector<FileOffset>> wanted;
  for (; process.frames_asked < frames.size(); ++process.frames_asked) {
    const TraceFrame& frame = frames[process.frames_asked];
    const auto mapping = process.mappings.find(frame.mapping);
    if (mapping == process.mappings.end())
      continue;
    const bool in_file = mapping->second.kind != MappingKind::anonymous;
    wanted[&mapping->second].push_back(in_file ? mapping->second.file_offset({frame.address})
                                               : FileOffset{frame.address});
  }
  for (auto& [mapping, offsets] : wanted) {
    if (mapping->kind == MappingKind::anonymous) {
      if (options_.names)
        perf_maps_.add(*process.process, std::move(offsets));
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

void Collector::reject_wrong_files() {
  for (auto& [id, why] : symbols_.take_rejected())
    store_.reject(ExecutableId{static_cast<uint32_t>(id)}, std::move(why));
}

void Collector::count_kernel_drops() {
  for (const ProcessDrops& drops : sampler_->process_drops()) {
    const Process& process = *table_->find(static_cast<pid_t>(drops.pid), drops.start_time);
    if (is_target(process))
      collected_for(process).aggregate.accounting().drops_for(DropReason::kRingFull) +=
          drops.ring_full;
    else
      not_targets_ += drops.ring_full;
  }
}

size_t Collector::aggregate_memory() const {
  size_t sum = 0;
  for (const auto& process : collected_)
    sum += process->aggregate.memory();
  return sum;
}

const std::string& CollectedProcess::executable_path() const {
  return program ? *program->name : *process->exe;
}

std::string Collector::build_id(const Executable& executable) const {
  return executable.build_id.empty() ? symbols_.names(executable.id.value).build_id
                                     : executable.build_id;
}

std::vector<std::pair<std::string, uint64_t>> CollectorTotals::dropped_by_reason() const {
  std::vector<std::pair<std::string, uint64_t>> all;
  for (size_t at = 0; at < samples.drops.size(); ++at) {
    if (samples.drops.at(at) != 0)
      all.emplace_back(drop_reason_name(static_cast<DropReason>(at)), samples.drops.at(at));
  }
  if (unattributed_drops != 0)
    all.emplace_back("unattributed", unattributed_drops);
  return all;
}

CollectorTotals Collector::totals() const {
  CollectorTotals totals;
  for (const auto& process : collected_)
    totals.samples += process->aggregate.accounting();
  const SamplerCounters counters = sampler_->counters();
  totals.unattributed_drops = counters.unattributed + counters.no_scratch + malformed_;
  totals.not_targets = not_targets_;
  totals.lost_process_events = sideband_.lost();
  return totals;
}

} // namespace pprofd
