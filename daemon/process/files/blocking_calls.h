// Runs calls that may block for ever (a file on a dead NFS server, a hostile FUSE file system, a
// held mmap_lock) on a helper thread, and stops waiting for them at a deadline.
//
// A helper that misses the deadline is abandoned: it finishes when its call returns, if ever, and
// then ends. Meanwhile another helper serves. How many may hang is bounded: kMaxStuck in all, one
// for each `key` and two for each `owner` other than root; calls beyond that are refused at once.
// So a user with a hanging file system delays the caller twice, and then nobody but himself.
//
// One hand-over costs about 10 us. run() is for one calling thread at a time. The destructor waits
// for idle helpers only.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

namespace pprofd {

enum class CallOutcome : uint8_t { done, timed_out, refused };

// The value of a call, which may come after its caller has stopped waiting. Shared by both.
template <typename T> class LateValue {
public:
  void put(T value) {
    const std::scoped_lock lock(mutex_);
    value_.emplace(std::move(value));
  }
  // Nothing: it has not come yet, or was taken.
  std::optional<T> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(value_, std::nullopt);
  }

private:
  std::mutex mutex_;
  std::optional<T> value_;
};

class BlockingCalls {
public:
  static constexpr size_t kMaxStuck = 16;
  static constexpr size_t kMaxStuckPerOwner = 2;

  BlockingCalls();
  ~BlockingCalls();
  BlockingCalls(const BlockingCalls&) = delete;
  BlockingCalls& operator=(const BlockingCalls&) = delete;

  // Runs `call` on the helper. It must own (by value or shared_ptr) all it touches: after
  // `timed_out` it may still be running.
  CallOutcome run(std::string key, uid_t owner, std::chrono::milliseconds deadline,
                  std::function<void()> call);

  // The same for a call that makes a value, which goes to `answer` whenever it comes.
  template <typename T, typename Call>
  CallOutcome run_for(std::shared_ptr<LateValue<T>> answer, std::string key, uid_t owner,
                      std::chrono::milliseconds deadline, Call call) {
    return run(std::move(key), owner, deadline,
               [answer = std::move(answer), call = std::move(call)] { answer->put(call()); });
  }

  // The call's value; nothing where it did not come in time. What comes late is dropped.
  template <typename Call>
  std::optional<std::invoke_result_t<const Call&>>
  value_of(std::string key, uid_t owner, std::chrono::milliseconds deadline, Call call) {
    const auto answer = std::make_shared<LateValue<std::invoke_result_t<const Call&>>>();
    if (run_for(answer, std::move(key), owner, deadline, std::move(call)) != CallOutcome::done)
      return std::nullopt;
    return answer->take();
  }

  // Helpers that hang at present.
  [[nodiscard]] size_t stuck() const;

private:
  struct Helper;
  struct Stuck;
  std::shared_ptr<Stuck> stuck_;
  std::shared_ptr<Helper> helper_; // nullptr: none runs
  std::thread thread_;             // of helper_
};

} // namespace pprofd
