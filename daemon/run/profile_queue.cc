#include "daemon/run/profile_queue.h"

#include <utility>

#include "daemon/serve/link/counted_samples.h"

namespace pprofd {

ProfileQueue::ProfileQueue(WindowSink& sink, std::function<void(const Error&)> on_failure)
    : sink_(&sink), on_failure_(std::move(on_failure)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

ProfileQueue::~ProfileQueue() = default;

void ProfileQueue::add(serve::WindowProfile head, perftools::profiles::Profile profile) {
  const std::scoped_lock lock(mutex_);
  items_.push_back({std::move(head), std::move(profile)});
  changed_.notify_all();
}

void ProfileQueue::add(serve::WindowProfile profile) {
  const std::scoped_lock lock(mutex_);
  items_.push_back({std::move(profile), std::nullopt});
  changed_.notify_all();
}

bool ProfileQueue::is_full() const {
  const std::scoped_lock lock(mutex_);
  return items_.size() >= kMostQueued;
}

void ProfileQueue::wait_for_room(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, at_most, [this] { return items_.size() < kMostQueued; });
}

bool ProfileQueue::flush(std::chrono::milliseconds at_most) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, at_most, [this] { return items_.empty() && !busy_; });
}

ProfileQueue::Stats ProfileQueue::stats() const {
  const std::scoped_lock lock(mutex_);
  return stats_;
}

Result<void> ProfileQueue::write(Item item) {
  if (item.profile) {
    auto bytes = serialize_gzip(*item.profile);
    if (!bytes)
      return std::unexpected(bytes.error());
    item.head.set_profile(std::move(*bytes));
  }
  return sink_->put(std::move(item.head));
}

void ProfileQueue::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (changed_.wait(lock, stop, [this] { return !items_.empty(); }) && !stop.stop_requested()) {
    Item item = std::move(items_.front());
    items_.pop_front();
    busy_ = true;
    lock.unlock();
    const uint64_t samples = serve::counted_samples(item.head);
    const bool triggered = serve::is_triggered(item.head);
    const Result<void> written = write(std::move(item));
    if (!written)
      on_failure_(written.error());
    lock.lock();
    busy_ = false;
    ++(written ? stats_.written : stats_.failed);
    stats_.triggered += written && triggered ? 1 : 0;
    (written ? stats_.samples_written : stats_.samples_failed) += samples;
    changed_.notify_all();
  }
}

} // namespace pprofd
