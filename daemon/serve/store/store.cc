#include "daemon/serve/store/store.h"

#include <algorithm>
#include <utility>

namespace pprofd::serve {
namespace {

constexpr size_t kMaxQueued = size_t{32} << 20;
constexpr size_t kMaxIdleReaders = 8;
constexpr std::chrono::seconds kRetentionInterval(60);

TimeNanos now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

} // namespace

Result<std::unique_ptr<Store>> Store::open(const std::string& path, const StoreLimits& limits,
                                           Notes notes) {
  auto writer = StoreWriter::open(path, notes);
  if (!writer)
    return std::unexpected(writer.error());
  return std::unique_ptr<Store>(new Store(std::move(*writer), path, limits, std::move(notes)));
}

Store::Store(StoreWriter writer, std::string path, const StoreLimits& limits, Notes notes)
    : path_(std::move(path)), notes_(std::move(notes)), writer_(std::move(writer)), limits_(limits),
      totals_(writer_.totals()), generation_(writer_.generation()), thread_([this] { run(); }) {}

Store::~Store() {
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

bool Store::add(NewProfile profile, Done done) {
  const size_t bytes = profile.bytes.size();
  const std::scoped_lock lock(mutex_);
  if (queued_bytes_ + bytes > kMaxQueued)
    return false;
  push(Add{std::move(profile), std::move(done)}, bytes);
  return true;
}

void Store::add_metrics(TimeNanos time, std::string bytes) {
  const size_t size = bytes.size();
  const std::scoped_lock lock(mutex_);
  if (queued_bytes_ + size <= kMaxQueued)
    push(Metrics{time, std::move(bytes)}, size);
}

void Store::add_event(StoredEvent event) {
  const size_t size = event.text.size() + sizeof event;
  const std::scoped_lock lock(mutex_);
  if (queued_bytes_ + size <= kMaxQueued)
    push(std::move(event), size);
}

void Store::report_damaged(const ProfileName& profile, std::string why) {
  const std::scoped_lock lock(mutex_);
  push(Damaged{profile, std::move(why)}, 0);
}

void Store::set_limits(const StoreLimits& limits) {
  {
    const std::scoped_lock lock(mutex_);
    limits_ = limits;
    limits_changed_ = true;
  }
  wake_.notify_one();
}

void Store::push(Task task, size_t bytes) {
  tasks_.push_back(std::move(task));
  queued_bytes_ += bytes;
  wake_.notify_one();
}

StoreTotals Store::totals() const {
  const std::scoped_lock lock(mutex_);
  return totals_;
}

void Store::run() {
  auto next_retention = std::chrono::steady_clock::now();
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait_until(lock, next_retention, [&] {
      return ending_ || limits_changed_ || !tasks_.empty() || !writer_.reconciled();
    });
    std::deque<Task> tasks = std::exchange(tasks_, {});
    queued_bytes_ = 0;
    const bool done = ending_ && tasks.empty();
    const bool due = limits_changed_ || std::chrono::steady_clock::now() >= next_retention;
    limits_changed_ = false;
    const StoreLimits limits = limits_;
    lock.unlock();
    if (done)
      return;
    work_on(std::move(tasks));
    if (!writer_.reconciled()) // between what comes, which waits for an hour's at most
      say(writer_.reconcile_hour());
    if (due || limits.are_exceeded(writer_.totals())) {
      say(writer_.keep(limits, now()));
      next_retention = std::chrono::steady_clock::now() + kRetentionInterval;
    }
    publish();
    lock.lock();
  }
}

void Store::work_on(std::deque<Task> tasks) {
  std::vector<Add> adds;
  for (Task& task : tasks) {
    if (auto* add = std::get_if<Add>(&task))
      adds.push_back(std::move(*add));
    else if (const auto* metrics = std::get_if<Metrics>(&task))
      say(writer_.add_metrics(metrics->time, metrics->bytes));
    else if (const auto* event = std::get_if<StoredEvent>(&task))
      say(writer_.add_event(*event));
    else if (const auto* damaged = std::get_if<Damaged>(&task))
      say(writer_.set_aside(damaged->profile, damaged->why));
  }
  if (!adds.empty())
    add_all(std::move(adds));
}

void Store::add_all(std::vector<Add> adds) {
  std::vector<NewProfile> profiles;
  profiles.reserve(adds.size());
  for (Add& add : adds)
    profiles.push_back(std::move(add.profile));
  const auto results = writer_.add(profiles);
  publish();
  for (size_t i = 0; i < adds.size(); i++) {
    if (!results[i])
      notes_(results[i].error());
    if (adds[i].done)
      adds[i].done(results[i]);
  }
}

void Store::say(const Result<void>& result) {
  if (!result)
    notes_(result.error());
}

void Store::publish() {
  const std::scoped_lock lock(mutex_);
  totals_ = writer_.totals();
  if (generation_ != writer_.generation()) {
    generation_ = writer_.generation();
    idle_readers_.clear();
  }
}

Result<Store::Lease> Store::reader() {
  uint64_t generation = 0;
  {
    const std::scoped_lock lock(mutex_);
    generation = generation_;
    if (!idle_readers_.empty()) {
      StoreReader reader = std::move(idle_readers_.back());
      idle_readers_.pop_back();
      return Lease(*this, generation, std::move(reader));
    }
  }
  auto reader = StoreReader::open(path_);
  if (!reader)
    return std::unexpected(reader.error());
  return Lease(*this, generation, std::move(*reader));
}

Store::Lease::~Lease() {
  if (!reader_)
    return;
  const std::scoped_lock lock(store_->mutex_);
  if (generation_ == store_->generation_ && store_->idle_readers_.size() < kMaxIdleReaders)
    store_->idle_readers_.push_back(std::move(*reader_));
}

} // namespace pprofd::serve
