// Makes indexes beside the look-ups: on a thread of its own, by a worker of its own that waits for
// everybody else's work, as a rule, and ends when there is nothing to do. No answer waits for it;
// what is not made in time is made another time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "daemon/symbols/debug_search.h"
#include "daemon/symbols/index_allowance.h"
#include "daemon/symbols/index_cache.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/client/worker_client.h"

namespace pprofd {

// A file that is to get an index. The descriptors are the job's own.
struct IndexJob {
  uint64_t id = 0; // as WorkerClient has it
  Fd fd;
  FoundDebug debug; // with the index's key; without scratch file
};

// Nothing where descriptors have run out.
std::optional<IndexJob> index_job(uint64_t id, int fd, const FoundDebug& debug);

struct IndexBuilderOptions {
  symbolizer::WorkerOptions worker; // as of the one that gives names
  double cpu_share = 0;             // of one CPU, over the builder's life; 0: as much as it takes
  bool background = true;           // behind everybody else's work; false: somebody waits for it
};

class IndexBuilder {
public:
  IndexBuilder(IndexCache cache, const IndexBuilderOptions& options);
  ~IndexBuilder(); // gives up what it is at
  IndexBuilder(const IndexBuilder&) = delete;
  IndexBuilder& operator=(const IndexBuilder&) = delete;

  // All of these from any thread.
  void add(IndexJob job);
  // Waits until all that was added is made or has failed, at most so long. Returns whether it is.
  bool finish(std::chrono::milliseconds at_most);
  // Gives up all that was added, and the memory that it takes.
  void give_up();
  // Of the workers so far. While none runs, its pid is 0.
  [[nodiscard]] symbolizer::WorkerStatus status() const;
  // CPU time of the workers, as far as the builder's share of a CPU has made up for it.
  [[nodiscard]] std::chrono::nanoseconds charged_cpu_time() const;

private:
  static constexpr size_t kMostJobs = 64; // more are not taken

  void run(const std::stop_token& stop);
  bool wait_for_allowance(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  void make(std::unique_lock<std::mutex>& lock);
  void rest();
  [[nodiscard]] symbolizer::WorkerStatus status_now() const;

  IndexCache cache_; // the builder's thread
  symbolizer::WorkerOptions options_;
  IndexAllowance allowance_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<IndexJob> queue_;
  bool busy_ = false;
  bool given_up_ = false;                            // what it is at
  std::shared_ptr<symbolizer::WorkerClient> client_; // nullptr: there is nothing to do
  symbolizer::WorkerStatus ended_;                   // of those before
  std::jthread thread_;                              // last: it uses all of the above
};

// One for that cache; nullptr where there is none.
std::unique_ptr<IndexBuilder> builder_for(const std::optional<IndexCache>& cache,
                                          const IndexBuilderOptions& options);

} // namespace pprofd
