#include "daemon/serve/http/pool.h"

#include <exception>
#include <utility>

namespace pprofd::serve {

Pool::Pool(size_t threads, size_t queue) : limit_(queue) {
  for (size_t i = 0; i < threads; i++)
    threads_.emplace_back([this] { loop(); });
}

Pool::~Pool() {
  std::deque<std::function<void()>> dropped;
  {
    const std::scoped_lock lock(mutex_);
    ending_ = true;
    dropped.swap(queue_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
}

bool Pool::run(std::function<void()> work) {
  {
    const std::scoped_lock lock(mutex_);
    if (queue_.size() >= limit_ || ending_)
      return false;
    queue_.push_back(std::move(work));
  }
  wake_.notify_one();
  return true;
}

void Pool::loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [&] { return ending_ || !queue_.empty(); });
    if (ending_)
      return;
    std::function<void()> work = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    try {
      work();
    } catch (const std::exception&) {
      work = nullptr; // most likely it wanted memory
    }
    work = nullptr; // what it holds goes before the next wait
    lock.lock();
  }
}

} // namespace pprofd::serve
