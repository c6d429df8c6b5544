// Profiles on their way to the sink: compressed and handed over on a thread of their own, so that
// neither holds up the sampling. Bounded: who adds asks is_full() first.
//
// add() and the questions are for one thread, the owner's; the sink is called on the queue's own.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

#include "daemon/profile/profile_builder.h"
#include "daemon/run/window_sink.h"

namespace pprofd {

class ProfileQueue {
public:
  struct Stats {
    uint64_t written = 0;         // profiles
    uint64_t triggered = 0;       // of these
    uint64_t samples_written = 0; // without those of what triggers took
    uint64_t failed = 0;          // profiles
    uint64_t samples_failed = 0;
  };

  // `sink` must outlive the queue. `on_failure` is called on the queue's thread.
  ProfileQueue(WindowSink& sink, std::function<void(const Error&)> on_failure);
  ~ProfileQueue(); // what is still queued is not written
  ProfileQueue(const ProfileQueue&) = delete;
  ProfileQueue& operator=(const ProfileQueue&) = delete;

  // `head`: all but the bytes of the profile.
  void add(serve::WindowProfile head, perftools::profiles::Profile profile);

  // One that is complete: its bytes are there.
  void add(serve::WindowProfile profile);

  [[nodiscard]] bool is_full() const;
  // Waits until it is not full, at most so long.
  void wait_for_room(std::chrono::milliseconds at_most);
  // Waits until everything is written, at most so long. Returns whether it was.
  bool flush(std::chrono::milliseconds at_most);
  [[nodiscard]] Stats stats() const;

private:
  static constexpr size_t kMostQueued = 16;

  struct Item {
    serve::WindowProfile head;
    std::optional<perftools::profiles::Profile> profile; // none: the head has its bytes
  };

  void run(const std::stop_token& stop);
  Result<void> write(Item item);

  WindowSink* sink_;
  std::function<void(const Error&)> on_failure_;
  mutable std::mutex mutex_; // guards what follows
  std::condition_variable_any changed_;
  std::deque<Item> items_;
  bool busy_ = false;
  Stats stats_;
  std::jthread thread_; // last: it uses all of the above
};

} // namespace pprofd
