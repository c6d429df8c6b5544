// Threads for work that takes longer than an event loop may wait: queries, passwords. An exception
// ends the work that threw it, and nothing else.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace pprofd::serve {

class Pool {
public:
  Pool(size_t threads, size_t queue);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  // Ends after the work that runs; what is queued is dropped.
  ~Pool();

  // False: too much is queued. Any thread.
  bool run(std::function<void()> work);

private:
  void loop();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;
  size_t limit_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

} // namespace pprofd::serve
