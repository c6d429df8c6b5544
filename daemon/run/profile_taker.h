// Profiles that somebody wants now: each is taken by a process of its own (profile_process.h), with
// its own frequency and filter, so that the service's sampling is not touched, and what is
// cancelled is ended. The owner's thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <optional>
#include <utility>

#include "daemon/config/service_config.h"
#include "daemon/serve/link/link.h"
#include "proto/serve.pb.h"
#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"
#include "symbolizer/client/process.h"

namespace pprofd {

class ProfileTaker {
public:
  // `done` gets the answer to each that was not cancelled, from within take() or tick().
  static Result<ProfileTaker> create(std::function<void(const serve::Answer&)> done);
  ProfileTaker(ProfileTaker&&) = default;
  ProfileTaker& operator=(ProfileTaker&&) = default;
  ~ProfileTaker(); // ends all

  void take(const serve::ProfileRequest& request);
  void cancel(uint64_t id);
  // Those that triggers asked for end now, with what they have.
  void hurry();

  // Readable when tick() has work to do. tick() is called now and then in any case.
  [[nodiscard]] int fd() const { return events_.get(); }
  void tick();

  [[nodiscard]] size_t under_way() const { return taking_.size(); }
  // CPU time of the processes that have ended.
  [[nodiscard]] std::chrono::nanoseconds cpu_time() const { return cpu_time_; }

private:
  struct Taking {
    uint64_t id;
    symbolizer::ChildProcess process;
    serve::Link link;
    std::chrono::steady_clock::time_point deadline;
  };

  ProfileTaker(Fd events, std::function<void(const serve::Answer&)> done)
      : events_(std::move(events)), done_(std::move(done)) {}

  Result<void> start(const serve::ProfileRequest& request);
  // Nothing: it goes on.
  static std::optional<serve::Answer> look_at(Taking& taking);

  Fd events_; // epoll
  std::function<void(const serve::Answer&)> done_;
  std::list<Taking> taking_;
  std::list<symbolizer::ChildProcess> ending_; // to be reaped
  std::chrono::nanoseconds cpu_time_{0};
};

// What the configuration says of any profile: labels, and where names come from.
void fill_in(serve::ProfileRequest& request, const ServiceConfig& config);

} // namespace pprofd
