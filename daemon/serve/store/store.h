// The store as the rest of the process sees it: one thread writes what is queued, any thread asks.
// Every function may be called from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "daemon/serve/store/reader.h"
#include "daemon/serve/store/writer.h"

namespace pprofd::serve {

class Store {
public:
  // Called on the writing thread.
  using Done = std::function<void(const Result<StoredProfile>& stored)>;

  // Opens the folder and starts the thread. `notes` is called on that thread.
  static Result<std::unique_ptr<Store>> open(const std::string& path, const StoreLimits& limits,
                                             Notes notes);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;
  // Writes what is queued first.
  ~Store();

  // False: too much is queued already (32 MB), and `done` will not be called.
  bool add(NewProfile profile, Done done);
  void add_metrics(TimeNanos time, std::string bytes);
  void add_event(StoredEvent event);
  void set_limits(const StoreLimits& limits);
  // A profile that could not be read.
  void report_damaged(const ProfileName& profile, std::string why);

  [[nodiscard]] StoreTotals totals() const;

  // A reader for one use: those that were given back are kept open. Errors: the index cannot be
  // opened.
  class Lease {
  public:
    Lease(Store& store, uint64_t generation, StoreReader reader)
        : store_(&store), generation_(generation),
          reader_(std::make_unique<StoreReader>(std::move(reader))) {}
    Lease(Lease&& other) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    StoreReader* operator->() { return reader_.get(); }
    StoreReader& operator*() { return *reader_; }

  private:
    Store* store_;
    uint64_t generation_;
    std::unique_ptr<StoreReader> reader_; // nullptr: moved from
  };
  Result<Lease> reader();

private:
  struct Add {
    NewProfile profile;
    Done done;
  };
  struct Metrics {
    TimeNanos time;
    std::string bytes;
  };
  struct Damaged {
    ProfileName profile;
    std::string why;
  };
  using Task = std::variant<Add, Metrics, StoredEvent, Damaged>;

  Store(StoreWriter writer, std::string path, const StoreLimits& limits, Notes notes);
  void push(Task task, size_t bytes);
  void run();
  void work_on(std::deque<Task> tasks);
  void add_all(std::vector<Add> adds);
  void say(const Result<void>& result);
  void publish();

  std::string path_;
  Notes notes_;
  StoreWriter writer_; // the thread's alone

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Task> tasks_;
  size_t queued_bytes_ = 0;
  bool ending_ = false;
  StoreLimits limits_;
  bool limits_changed_ = true;
  StoreTotals totals_;
  uint64_t generation_ = 0;
  std::vector<StoreReader> idle_readers_; // of generation_
  std::thread thread_;
};

} // namespace pprofd::serve
