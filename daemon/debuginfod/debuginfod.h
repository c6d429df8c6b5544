// Debug information from debuginfod servers, by build id. Off where none are configured.
//
// A thread of its own hands what is wanted to a process without privileges that speaks to the
// servers (process/), a few at a time, and keeps what comes (fetched_files.h). Nobody waits for it
// but who says so. What no server has is not asked for again for an hour, nor is a server that does
// not answer for a while; what is wanted still is to be asked for again.
//
// All functions from any thread.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "daemon/debuginfod/absences.h"
#include "daemon/debuginfod/choice.h"
#include "daemon/debuginfod/fetched_files.h"
#include "daemon/debuginfod/figures.h"
#include "daemon/debuginfod/link.h"
#include "daemon/debuginfod/servers.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd {

struct DebuginfodOptions {
  DebuginfodChoice choice;  // its patience is that of find()
  std::string cache_folder; // as FetchedFiles has it
  bool fetches = true;      // else only what has been fetched is found
  std::string program = "/proc/self/exe";
};

class Debuginfod {
public:
  // nullptr where it is off.
  static std::unique_ptr<Debuginfod> create(const DebuginfodOptions& options);
  ~Debuginfod(); // gives up what is under way
  Debuginfod(const Debuginfod&) = delete;
  Debuginfod& operator=(const Debuginfod&) = delete;

  struct Answer {
    Fd file;              // open for reading, not looked into; empty: it is not there
    bool pending = false; // it may come
  };
  // Asks for it where it is not there and may be. Waits at most for `patience`; once that was in
  // vain, later calls do not wait: a server that is slow once costs that once.
  Answer find(const std::string& build_id);
  // Whether it may be there later, as far as is known.
  [[nodiscard]] bool may_come(const std::string& build_id) const;
  // What find() gave is not what was asked for.
  void reject(const std::string& build_id);

  // Called, by the thread of this, whenever something has come; not after the call has returned
  // that sets another. Must not call back.
  void set_arrival(std::function<void()> arrival);
  // Build ids of what has come since the last call.
  std::vector<std::string> take_arrived();

  // Waits until nothing is under way, at most until then.
  void finish(std::chrono::steady_clock::time_point until);

  // What a user is to be told, since the last call; seldom anything.
  std::vector<Error> take_troubles();
  [[nodiscard]] DebuginfodFigures figures() const;

private:
  static constexpr size_t kMostWanted = 1024; // more are not taken at present

  explicit Debuginfod(const DebuginfodOptions& options);

  void run(const std::stop_token& stop);
  void send_wanted();
  void send_one(const std::string& build_id);
  void settle(Fetched fetched);
  void give_up(const std::string& build_id);
  // These with the mutex held.
  void tell(Error trouble);
  void tell_late();
  void announce(const Fetched& fetched);
  void judge(const Fetched& fetched);
  void wake() const;

  DebuginfodOptions options_;

  mutable std::mutex mutex_; // guards what follows
  std::condition_variable changed_;
  FetchedFiles files_;
  DebugServers servers_;
  Absences absences_;
  std::unordered_set<std::string> wanted_; // queued or under way
  std::deque<std::string> queue_;
  std::vector<std::string> arrived_;
  std::function<void()> arrival_;
  std::vector<Error> troubles_;
  DebuginfodFigures counts_;
  pid_t pid_ = 0;
  bool waited_in_vain_ = false;
  std::optional<std::chrono::steady_clock::time_point> rejected_; // when that was told last

  Fd wake_;             // eventfd
  FetchLink link_;      // the thread's; after the files, which its drafts are among
  std::jthread thread_; // last: it uses all of the above
};

} // namespace pprofd
