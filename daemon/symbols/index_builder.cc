#include "daemon/symbols/index_builder.h"

#include <fcntl.h>

#include <algorithm>
#include <utility>

#include "daemon/symbols/index_making.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

// Where others take the CPUs it may be slow; what it may compute is bounded.
constexpr auto kMakingDeadline = 10min;
constexpr auto kMakingCpuLimit = 60s;
// The thread waits for its share of the CPU in steps, for it may be stopped.
constexpr std::chrono::nanoseconds kLongestWait = 1s;

Fd duplicate(int fd) {
  return Fd(fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

symbolizer::WorkerOptions worker_for_indexes(const IndexBuilderOptions& builder) {
  symbolizer::WorkerOptions options = builder.worker;
  options.deadline = kMakingDeadline;
  options.cpu_limit = kMakingCpuLimit;
  options.background = builder.background;
  return options;
}

void add(const symbolizer::WorkerStatus& from, symbolizer::WorkerStatus& to) {
  to.starts += from.starts;
  to.cpu_time += from.cpu_time;
  to.refused_files += from.refused_files;
  for (size_t at = 0; at < to.ends.size(); ++at)
    to.ends.at(at) += from.ends.at(at);
}

} // namespace

std::optional<IndexJob> index_job(uint64_t id, int fd, const FoundDebug& debug) {
  IndexJob job{.id = id, .fd = duplicate(fd), .debug = {}};
  job.debug.file = duplicate(debug.file.get());
  job.debug.path = debug.path;
  job.debug.supplementary = duplicate(debug.supplementary.get());
  job.debug.package = duplicate(debug.package.get());
  job.debug.inflated = debug.inflated;
  job.debug.described_size = debug.described_size;
  job.debug.index_key = debug.index_key;
  const auto lacks = [](const Fd& mine, int theirs) { return !mine && theirs >= 0; };
  if (lacks(job.fd, fd) || lacks(job.debug.file, debug.file.get()) ||
      lacks(job.debug.supplementary, debug.supplementary.get()) ||
      lacks(job.debug.package, debug.package.get()))
    return std::nullopt;
  return job;
}

IndexBuilder::IndexBuilder(IndexCache cache, const IndexBuilderOptions& options)
    : cache_(std::move(cache)), options_(worker_for_indexes(options)),
      allowance_(options.cpu_share, steady_clock::now()),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

IndexBuilder::~IndexBuilder() {
  thread_.request_stop();
  give_up();
}

void IndexBuilder::add(IndexJob job) {
  const std::scoped_lock lock(mutex_);
  if (queue_.size() >= kMostJobs)
    return;
  queue_.push_back(std::move(job));
  changed_.notify_all();
}

bool IndexBuilder::finish(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, at_most, [this] { return queue_.empty() && !busy_; });
}

void IndexBuilder::give_up() {
  const std::scoped_lock lock(mutex_);
  queue_.clear();
  given_up_ = busy_;
  if (busy_)
    client_->abandon();
  changed_.notify_all();
}

symbolizer::WorkerStatus IndexBuilder::status_now() const {
  symbolizer::WorkerStatus status =
      client_ == nullptr ? symbolizer::WorkerStatus() : client_->status();
  pprofd::add(ended_, status);
  return status;
}

symbolizer::WorkerStatus IndexBuilder::status() const {
  const std::scoped_lock lock(mutex_);
  return status_now();
}

std::chrono::nanoseconds IndexBuilder::charged_cpu_time() const {
  const std::scoped_lock lock(mutex_);
  return allowance_.charged(status_now().cpu_time, steady_clock::now());
}

void IndexBuilder::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !queue_.empty(); }) &&
         wait_for_allowance(lock, stop))
    if (!queue_.empty())
      make(lock);
}

// Returns whether to go on.
bool IndexBuilder::wait_for_allowance(std::unique_lock<std::mutex>& lock,
                                      const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto left = allowance_.wait(status_now().cpu_time, steady_clock::now());
    if (left.count() == 0)
      return true;
    changed_.wait_for(lock, stop, std::min(left, kLongestWait), [] { return false; });
  }
  return false;
}

void IndexBuilder::make(std::unique_lock<std::mutex>& lock) {
  IndexJob job = std::move(queue_.front());
  queue_.pop_front();
  busy_ = true;
  if (client_ == nullptr)
    client_ = std::make_shared<symbolizer::WorkerClient>(options_);
  const auto client = client_;
  lock.unlock();
  // Another process may have made it meanwhile.
  if (!cache_.find(job.debug.index_key)) {
    job.debug.scratch = make_scratch(job.debug.inflated);
    static_cast<void>(pprofd::make_index(*client, cache_,
                                         {.id = job.id, .fd = job.fd.get(), .debug = &job.debug}));
  }
  lock.lock();
  busy_ = false;
  if (std::exchange(given_up_, false) || queue_.empty())
    rest();
  changed_.notify_all();
}

// The worker's memory goes back.
void IndexBuilder::rest() {
  pprofd::add(std::exchange(client_, nullptr)->status(), ended_);
}

std::unique_ptr<IndexBuilder> builder_for(const std::optional<IndexCache>& cache,
                                          const IndexBuilderOptions& options) {
  if (!cache)
    return nullptr;
  auto again = cache->again();
  return again ? std::make_unique<IndexBuilder>(std::move(*again), options) : nullptr;
}

} // namespace pprofd
