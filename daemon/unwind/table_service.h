// Which executable has which table, and the making of tables beside the sampling.
//
// An executable gets the number of its table when it is first mapped; its rows are compiled by the
// worker on a thread of this service's, those first that samples wait for, then those that most
// address spaces map. Work that no sample waits for takes a bounded share of a CPU.
//
// A table that no process maps any more is forgotten after a while, number and all.
//
// The public functions are for one thread, the collector's.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

#include "daemon/unwind/tables/table_store.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

enum class TableState : uint8_t {
  pending, // being made, or to be made
  ready,
  failed, // its rows can't be had
};

class TableService {
public:
  struct File {
    uint64_t id = 0;
    Fd fd;
    std::string expected_build_id; // lower-case hex; empty: not known
  };
  // Compiles the rows of a file. Called on the service's thread.
  using Compile = std::function<Result<CompiledRows>(const File& file)>;
  // Opens the file of an id. Called by tick(), on its thread.
  using Open = std::function<Result<File>(uint64_t file_id)>;

  // Programs come back: a table that no process maps is kept for `keep_unused`.
  TableService(TableStore& store, Compile compile, Open open,
               std::chrono::milliseconds keep_unused = std::chrono::seconds(30));
  ~TableService(); // ends the thread, after the file it is at
  TableService(const TableService&) = delete;
  TableService& operator=(const TableService&) = delete;

  // The number of a file's table, good until the next tick() or as long as it has users. `file_id`:
  // the same for the same file, used for no other.
  uint32_t table_of(uint64_t file_id);
  // Address spaces that map it come and go.
  void add_user(uint32_t table);
  void remove_user(uint32_t table);
  // A sample needs the table: it is made before others, or again where it was evicted.
  void demand(uint32_t table);
  // A sample was unwound by it. Cheap: told to the store by the next tick().
  void touch(uint32_t table);

  [[nodiscard]] TableState state(uint32_t table) const;
  // The rule for an offset in the table's file.
  unwind_lookup find(uint32_t table, uint64_t offset, unwind_found& found);

  // Hands work to the thread and takes what it has done. Returns whether tables became ready or
  // failed since the last call.
  bool tick();
  // Waits until a table that is being made is done, at most so long.
  void wait(std::chrono::milliseconds at_most);

  struct Stats {
    uint64_t compiled = 0;
    uint64_t failed = 0;
    size_t files = 0;
    std::chrono::nanoseconds busy{0}; // of the thread, waiting for the worker included
  };
  [[nodiscard]] Stats stats() const;
  [[nodiscard]] TableStats tables() const { return store_->stats(); }

private:
  struct Entry {
    uint64_t file_id = 0;
    TableState state = TableState::pending;
    bool demanded = false;
    bool touched = false;
    bool in_hand = false; // the thread's, or done and not taken yet
    uint32_t users = 0;
    std::chrono::steady_clock::time_point unused_since;
  };
  struct Job {
    uint32_t table = 0;
    File file;
    bool demanded = false;
  };
  struct Done {
    uint32_t table = 0;
    bool ready = false;
  };

  // A rule that find() found: a file's rows are the same whenever they are made.
  struct Known {
    uint32_t table = 0;
    uint64_t offset = 0;
    unwind_found rule{};
  };
  Known& place_of(uint32_t table, uint64_t offset);
  void run(const std::stop_token& stop);
  std::optional<Job> await_job(std::unique_lock<std::mutex>& lock, const std::stop_token& stop);
  bool make(const Job& job);
  bool take_done();
  void take_evicted();
  void forget_unused(std::chrono::steady_clock::time_point now);
  void pass_on_touches();
  void hand_out();
  [[nodiscard]] std::optional<uint32_t> next_file() const;
  [[nodiscard]] bool background_may_work() const;
  Entry& entry(uint32_t table) { return entries_.at(table); }
  [[nodiscard]] const Entry& entry(uint32_t table) const { return entries_.at(table); }

  TableStore* store_;
  Compile compile_;
  Open open_;
  std::chrono::milliseconds keep_unused_;
  std::unordered_map<uint32_t, Entry> entries_; // by table
  uint32_t next_table_ = PPROFD_TABLE_FIRST;    // no number is given twice
  std::unordered_map<uint64_t, uint32_t> table_of_;
  std::vector<uint32_t> waiting_; // tables to be made
  std::vector<uint32_t> touched_; // tables that the store has not been told of
  std::vector<Known> known_;      // by hash
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point settled_;
  std::chrono::steady_clock::time_point forgot_;

  mutable std::mutex mutex_; // guards what follows
  std::condition_variable_any changed_;
  std::deque<Job> jobs_;
  bool busy_ = false;
  std::vector<Done> done_;
  Stats stats_;
  std::chrono::nanoseconds background_{0}; // of stats_.busy, what no sample waited for
  std::jthread thread_;                    // last: it uses all of the above
};

} // namespace pprofd
