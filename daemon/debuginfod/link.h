// The daemon's end of the process that fetches (process/fetch_main.h): starts it when there is
// something to fetch, hands out requests, takes what it says with care, and ends it when there is
// nothing to do or where it does not keep to its deadlines. One thread at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/debuginfod/fetched_files.h"
#include "daemon/net/back_off.h"
#include "proto/debuginfod.pb.h"
#include "symbolizer/base/result.h"
#include "symbolizer/client/process.h"

namespace pprofd {

// What became of a request. Without a size nothing was fetched; without answers the process is to
// blame, not a server.
struct Fetched {
  std::string build_id;
  std::vector<size_t> asked;                     // servers, as the request had them
  std::vector<debuginfod::ServerAnswer> answers; // of the first of them
  uint64_t size = 0;
  std::optional<FetchedFiles::Draft> draft;
};

class FetchLink {
public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr size_t kMostRequests = 4;            // at once
  static constexpr std::chrono::seconds kFetching{120}; // one file, from all servers

  explicit FetchLink(std::string program) : program_(std::move(program)) {}
  FetchLink(const FetchLink&) = delete;
  FetchLink& operator=(const FetchLink&) = delete;
  ~FetchLink(); // ends the process

  [[nodiscard]] bool has_room() const { return under_way_.size() < kMostRequests; }
  [[nodiscard]] bool idle() const { return under_way_.empty(); }

  // Errors: the process can't be started, or has ended a moment ago.
  Result<void> send(const std::string& build_id, std::vector<size_t> servers,
                    const std::vector<std::string>& addresses, FetchedFiles::Draft draft);

  // Waits until the process says something or `wake` is readable, at most so long, and returns what
  // has become of requests.
  std::vector<Fetched> wait(int wake, std::chrono::milliseconds at_most);

  // The process goes, as nothing is to be fetched.
  void rest();

  // 0: none runs.
  [[nodiscard]] pid_t pid() const { return running_ ? running_->process.pid() : 0; }
  [[nodiscard]] std::chrono::nanoseconds ended_cpu_time() const { return ended_cpu_time_; }
  [[nodiscard]] uint64_t restarts() const { return restarts_; } // after ends nobody asked for

private:
  struct Running {
    symbolizer::ChildProcess process;
    symbolizer::Channel channel;
  };
  struct UnderWay {
    Fetched request;
    Time until;
  };

  Result<void> start();
  void end();
  std::vector<Fetched> fail_all();
  // False: it makes no sense.
  bool take_reply(std::vector<Fetched>& done);

  std::string program_;
  std::unique_ptr<Running> running_; // nullptr: none
  std::map<uint64_t, UnderWay> under_way_;
  uint64_t next_id_ = 1;
  BackOff back_off_; // of the process
  Time next_start_;
  uint64_t restarts_ = 0;
  std::chrono::nanoseconds ended_cpu_time_{0};
};

} // namespace pprofd
