#include "daemon/run/profile_taker.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "daemon/run/profile_process.h"

namespace pprofd {

namespace {

using std::chrono::steady_clock;

// Beyond the profile's own time: programs are loaded, names are looked for.
constexpr std::chrono::seconds kPatience{45};
constexpr size_t kMostAtOnce = 4;
constexpr uint32_t kHighestFrequency = 5000; // Hz
constexpr std::chrono::nanoseconds kLongest = std::chrono::minutes(10);

serve::Answer answer_of(uint64_t id, uint32_t status, std::string text) {
  serve::Answer answer;
  answer.set_id(id);
  answer.set_status(status);
  answer.set_body(std::move(text));
  return answer;
}

} // namespace

Result<ProfileTaker> ProfileTaker::create(std::function<void(const serve::Answer&)> done) {
  Fd events(::epoll_create1(EPOLL_CLOEXEC));
  if (!events)
    return fail_errno("wait for several things", errno);
  return ProfileTaker(std::move(events), std::move(done));
}

ProfileTaker::~ProfileTaker() {
  for (Taking& each : taking_) {
    each.process.kill();
    (void)each.process.reap(std::chrono::milliseconds(500));
  }
}

void ProfileTaker::take(const serve::ProfileRequest& request) {
  if (taking_.size() >= kMostAtOnce)
    return done_(
        answer_of(request.id(), 503, "4 profiles are being taken already; try again in a moment"));
  // What faces the network has looked at it, and is not trusted with that.
  if (request.frequency() < 1 || request.frequency() > kHighestFrequency ||
      request.duration_nanos() < 1 ||
      request.duration_nanos() > static_cast<uint64_t>(kLongest.count()))
    return done_(answer_of(request.id(), 400, "frequency or duration are out of range"));
  if (const auto started = start(request); !started)
    done_(answer_of(request.id(), 500, started.error().what + ": " + started.error().why));
}

Result<void> ProfileTaker::start(const serve::ProfileRequest& request) {
  auto ends = serve::Link::pair();
  if (!ends)
    return std::unexpected(ends.error());
  const std::array<int, 1> descriptors{ends->second.fd()};
  auto process =
      symbolizer::start_child("/proc/self/exe", kProfileName, kProfileArgument, descriptors);
  if (!process)
    return std::unexpected(process.error());
  taking_.push_back({.id = request.id(),
                     .process = std::move(*process),
                     .link = std::move(ends->first),
                     .deadline = steady_clock::now() +
                                 std::chrono::nanoseconds(request.duration_nanos()) + kPatience});
  Taking& taking = taking_.back();
  epoll_event event{.events = EPOLLIN, .data = {}};
  ::epoll_ctl(events_.get(), EPOLL_CTL_ADD, taking.link.fd(), &event);
  return taking.link.send(request);
}

void ProfileTaker::cancel(uint64_t id) {
  const auto found = std::ranges::find(taking_, id, &Taking::id);
  if (found == taking_.end())
    return;
  found->process.kill();
  ending_.push_back(std::move(found->process));
  taking_.erase(found);
}

void ProfileTaker::hurry() {
  for (const Taking& each : taking_)
    ::shutdown(each.link.fd(), SHUT_WR);
}

std::optional<serve::Answer> ProfileTaker::look_at(Taking& taking) {
  const auto open = taking.link.fill();
  serve::Answer answer;
  const auto got = taking.link.next(answer);
  if (got && *got) {
    answer.set_id(taking.id);
    return answer;
  }
  if (!got || !open || !*open)
    return answer_of(taking.id, 500, "the process that took the profile ended before it was done");
  if (steady_clock::now() >= taking.deadline)
    return answer_of(taking.id, 504, "the profile was not done in time");
  return std::nullopt;
}

void ProfileTaker::tick() {
  std::erase_if(ending_, [this](const symbolizer::ChildProcess& process) {
    const auto end = process.reap(std::chrono::milliseconds(0));
    cpu_time_ += end ? end->cpu_time : std::chrono::nanoseconds(0);
    return end.has_value();
  });
  for (auto at = taking_.begin(); at != taking_.end();) {
    const auto answer = look_at(*at);
    if (!answer) {
      ++at;
      continue;
    }
    at->process.kill();
    ending_.push_back(std::move(at->process));
    at = taking_.erase(at);
    done_(*answer);
  }
}

void fill_in(serve::ProfileRequest& request, const ServiceConfig& config) {
  for (const auto& [name, value] : config.labels)
    (*request.mutable_labels())[name] = value;
  request.set_index_folder(config.indexes.folder);
  request.mutable_debug_servers()->Assign(config.debuginfod.servers.begin(),
                                          config.debuginfod.servers.end());
}

} // namespace pprofd
