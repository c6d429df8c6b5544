#include "daemon/symbols/symbol_service.h"

#include <algorithm>
#include <utility>

#include "daemon/debuginfod/debuginfod.h"

namespace pprofd {

namespace {

std::optional<IndexCache> open_cache(const std::string& folder) {
  auto cache = IndexCache::open_chosen({.folder = folder});
  return cache ? std::move(*cache) : std::nullopt;
}

std::unique_ptr<IndexBuilder> make_builder(const std::optional<IndexCache>& cache,
                                           const SymbolServiceOptions& options) {
  if (!options.make_indexes)
    return nullptr;
  return builder_for(cache, {.worker = options.worker, .cpu_share = options.index_share});
}

} // namespace

SymbolService::SymbolService(const SymbolServiceOptions& options)
    : client_(options.worker), cache_(open_cache(options.index_folder)),
      builder_(make_builder(cache_, options)),
      servers_(Debuginfod::create({.choice = {.servers = options.debug_servers},
                                   .cache_folder = options.index_folder,
                                   .fetches = options.fetch})),
      source_(client_, {}, cache_ ? &*cache_ : nullptr, builder_.get(), servers_.get()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {
  if (servers_ != nullptr)
    servers_->set_arrival([this] {
      const std::scoped_lock lock(mutex_);
      arrived_ = true;
      changed_.notify_all();
    });
}

SymbolService::~SymbolService() {
  if (servers_ != nullptr)
    servers_->set_arrival(nullptr);
}

std::vector<FileOffset> SymbolService::take_new(uint64_t file_id,
                                                std::span<const FileOffset> offsets) {
  std::unordered_set<uint64_t>& asked = asked_[file_id];
  std::vector<FileOffset> fresh;
  for (const FileOffset offset : offsets) {
    if (asked.insert(offset.value).second)
      fresh.push_back(offset);
  }
  return fresh;
}

void SymbolService::request(FileToName file, std::vector<FileOffset> offsets) {
  const std::scoped_lock lock(mutex_);
  queue_.push_back({std::move(file), std::move(offsets), std::chrono::steady_clock::now()});
  ++requested_;
  changed_.notify_all();
}

void SymbolService::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !queue_.empty() || arrived_; }) &&
         !stop.stop_requested()) {
    busy_ = true;
    if (std::exchange(arrived_, false)) {
      lock.unlock();
      const auto renewed = source_.renew(servers_->take_arrived());
      lock.lock();
      renewed_.insert(renewed_.end(), renewed.begin(), renewed.end());
    } else {
      Request request = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      answer(stop, std::move(request));
      lock.lock();
      ++answered_;
    }
    busy_ = false;
    changed_.notify_all();
  }
}

// The worker's answer for many addresses takes a while; a stop is heeded between parts.
void SymbolService::answer(const std::stop_token& stop, Request request) {
  size_t at = 0;
  do {
    const size_t count = std::min(NameSource::kOffsetsPerRequest, request.offsets.size() - at);
    const auto part = std::span(request.offsets).subspan(at, count);
    const auto times = std::span(request.file.times);
    const auto names =
        source_.ask(request.file, part, times.empty() ? times : times.subspan(at, count));
    const std::scoped_lock storing(mutex_);
    if (!abandoned_)
      store(request.file, part, names);
    at += count;
  } while (at < request.offsets.size() && !stop.stop_requested());
  latency_.Observe(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - request.made).count());
}

std::vector<uint64_t> SymbolService::take_renewed() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(renewed_, {});
}

bool SymbolService::await_fetched(std::chrono::steady_clock::time_point until) {
  if (servers_ == nullptr)
    return false;
  const auto settled = [this] { return queue_.empty() && !busy_ && !arrived_; };
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, settled);
  lock.unlock();
  servers_->finish(until);
  lock.lock();
  changed_.wait_until(lock, until, settled);
  return !renewed_.empty();
}

DebuginfodFigures SymbolService::fetch_figures() const {
  return servers_ == nullptr ? DebuginfodFigures() : servers_->figures();
}

std::vector<Error> SymbolService::take_fetch_troubles() {
  return servers_ == nullptr ? std::vector<Error>() : servers_->take_troubles();
}

void SymbolService::store(const FileToName& file, std::span<const FileOffset> offsets,
                          const symbolizer::SymbolizedFile& answer) {
  FileNames& names = files_[file.id];
  if (!answer.failure.empty())
    names.failure = answer.failure;
  const std::string& expected = file.expected_build_id;
  const bool unread = answer.build_id.empty() && !answer.failure.empty();
  if (!expected.empty() && !unread && answer.build_id != expected) {
    names.build_id = expected;
    names.failure = "the file found has build id '" + answer.build_id + "', the one that ran '" +
                    expected + "'";
    names.names_fault = names.lines_fault = symbolizer::NamesFault::kOtherBuild;
    rejected_.emplace_back(file.id, names.failure);
    return;
  }
  names.build_id = answer.build_id.empty() ? expected : answer.build_id;
  names.add(offsets, answer);
}

void SymbolService::give_up(uint64_t file_id, std::span<const FileOffset> offsets,
                            std::string why) {
  for (const FileOffset offset : offsets)
    asked_[file_id].erase(offset.value);
  const std::scoped_lock lock(mutex_);
  FileNames& names = files_[file_id];
  names.failure = std::move(why);
  names.names_fault = names.lines_fault = symbolizer::NamesFault::kUnavailable;
}

std::vector<std::pair<uint64_t, std::string>> SymbolService::take_rejected() {
  const std::scoped_lock lock(mutex_);
  return std::exchange(rejected_, {});
}

bool SymbolService::finish(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  const bool done = changed_.wait_for(lock, at_most, [this] { return queue_.empty() && !busy_; });
  if (!done) {
    queue_.clear();
    abandoned_ = true;
    client_.abandon();
  }
  return done;
}

uint64_t SymbolService::requested() const {
  const std::scoped_lock lock(mutex_);
  return requested_;
}

bool SymbolService::answered(uint64_t requests) const {
  const std::scoped_lock lock(mutex_);
  return answered_ >= requests;
}

const FileNames& SymbolService::names(uint64_t file_id) const {
  static const FileNames kNothing;
  const auto found = files_.find(file_id);
  return found == files_.end() ? kNothing : found->second;
}

void SymbolService::forget(uint64_t file_id) {
  asked_.erase(file_id);
  const std::scoped_lock lock(mutex_);
  files_.erase(file_id);
}

void SymbolService::forget_all() {
  asked_.clear();
  const std::scoped_lock lock(mutex_);
  files_.clear();
}

bool SymbolService::finish_indexes(std::chrono::milliseconds at_most) {
  return builder_ == nullptr || builder_->finish(at_most);
}

void SymbolService::give_up_indexes() {
  if (builder_ != nullptr)
    builder_->give_up();
}

symbolizer::WorkerStatus SymbolService::index_worker_status() const {
  return builder_ == nullptr ? symbolizer::WorkerStatus() : builder_->status();
}

std::chrono::nanoseconds SymbolService::index_cpu_charged() const {
  return builder_ == nullptr ? std::chrono::nanoseconds(0) : builder_->charged_cpu_time();
}

size_t SymbolService::memory() const {
  // Nodes of the maps, and text as it is long on average, C++ names among them.
  static constexpr size_t kAddress = sizeof(NamedAddress) + (2 * sizeof(NamedFrame)) + 96;
  static constexpr size_t kFunction = sizeof(NamedFunction) + 600;
  const std::scoped_lock lock(mutex_);
  size_t bytes = 0;
  for (const auto& [id, names] : files_)
    bytes += (names.addresses.size() * kAddress) + (names.functions.size() * kFunction);
  return bytes;
}

} // namespace pprofd
