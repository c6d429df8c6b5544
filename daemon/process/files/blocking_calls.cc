#include "daemon/process/files/blocking_calls.h"

#include <condition_variable>
#include <csignal>
#include <map>
#include <mutex>
#include <thread>

namespace pprofd {

// The book of hanging calls. Shared with abandoned helpers, which outlive everything else.
struct BlockingCalls::Stuck {
  std::mutex mutex;
  size_t total = 0;
  std::map<std::string, size_t> by_key;
  std::map<uid_t, size_t> by_owner;

  bool refuses(const std::string& key, uid_t owner) {
    const std::scoped_lock lock(mutex);
    if (total >= kMaxStuck || by_key.contains(key))
      return true;
    const auto found = by_owner.find(owner);
    return owner != 0 && found != by_owner.end() && found->second >= kMaxStuckPerOwner;
  }

  void add(const std::string& key, uid_t owner) {
    const std::scoped_lock lock(mutex);
    ++total;
    ++by_key[key];
    ++by_owner[owner];
  }

  void remove(const std::string& key, uid_t owner) {
    const std::scoped_lock lock(mutex);
    --total;
    drop(by_key, key);
    drop(by_owner, owner);
  }

  template <typename Map, typename Key> static void drop(Map& map, const Key& key) {
    if (const auto found = map.find(key); found != map.end() && --found->second == 0)
      map.erase(found);
  }
};

struct BlockingCalls::Helper {
  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> call;
  bool finished = false;
  bool stop = false;
  bool abandoned = false;
  std::string key; // of the call that hangs
  uid_t owner = 0;

  // The thread's body. `stuck` is kept alive by the thread itself.
  static void serve(const std::shared_ptr<Helper>& self, const std::shared_ptr<Stuck>& stuck) {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr); // signals are for the threads that handle them
    std::unique_lock lock(self->mutex);
    for (;;) {
      self->changed.wait(lock, [&] { return self->call || self->stop; });
      if (!self->call)
        return;
      std::function<void()> call = std::move(self->call);
      self->call = nullptr;
      lock.unlock();
      call();
      call = nullptr;
      lock.lock();
      self->finished = true;
      if (self->abandoned) {
        stuck->remove(self->key, self->owner);
        return;
      }
      self->changed.notify_all();
    }
  }
};

BlockingCalls::BlockingCalls() : stuck_(std::make_shared<Stuck>()) {}

BlockingCalls::~BlockingCalls() {
  if (!helper_)
    return;
  {
    const std::scoped_lock lock(helper_->mutex);
    helper_->stop = true;
  }
  helper_->changed.notify_all();
  thread_.join();
}

CallOutcome BlockingCalls::run(std::string key, uid_t owner, std::chrono::milliseconds deadline,
                               std::function<void()> call) {
  if (stuck_->refuses(key, owner))
    return CallOutcome::refused;
  if (!helper_) {
    helper_ = std::make_shared<Helper>();
    thread_ = std::thread(&Helper::serve, helper_, stuck_);
  }
  std::unique_lock lock(helper_->mutex);
  helper_->finished = false;
  helper_->call = std::move(call);
  helper_->changed.notify_all();
  if (helper_->changed.wait_for(lock, deadline, [&] { return helper_->finished; }))
    return CallOutcome::done;
  stuck_->add(key, owner);
  helper_->abandoned = true;
  helper_->key = std::move(key);
  helper_->owner = owner;
  lock.unlock();
  thread_.detach();
  helper_.reset();
  return CallOutcome::timed_out;
}

size_t BlockingCalls::stuck() const {
  const std::scoped_lock lock(stuck_->mutex);
  return stuck_->total;
}

} // namespace pprofd
