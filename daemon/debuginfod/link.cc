#include "daemon/debuginfod/link.h"

#include <poll.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <utility>

#include "daemon/debuginfod/process/fetch_main.h"

namespace pprofd {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kGrace{5'000}; // beyond what the process was told
constexpr milliseconds kSendWithin{
    100}; // packets are small, and the process has nothing else to do
constexpr milliseconds kToEnd{1'000};

} // namespace

FetchLink::~FetchLink() {
  end();
}

Result<void> FetchLink::start() {
  if (running_)
    return {};
  if (steady_clock::now() < next_start_)
    return fail("fetch debug information", "the process for it has just ended");
  auto ends = symbolizer::Channel::pair();
  if (!ends)
    return std::unexpected(ends.error());
  const std::array<int, 1> sockets = {ends->second.fd()};
  auto process = symbolizer::start_child(program_, kFetchName, kFetchArgument, sockets);
  if (!process) {
    next_start_ = steady_clock::now() + back_off_.failed({}, UINT32_MAX);
    return std::unexpected(process.error());
  }
  running_ = std::make_unique<Running>(
      Running{.process = std::move(*process), .channel = std::move(ends->first)});
  return {};
}

Result<void> FetchLink::send(const std::string& build_id, std::vector<size_t> servers,
                             const std::vector<std::string>& addresses, FetchedFiles::Draft draft) {
  if (auto started = start(); !started)
    return started;
  debuginfod::FetchRequest request;
  request.set_id(next_id_++);
  for (const std::string& address : addresses)
    request.add_servers(address);
  request.set_build_id(build_id);
  request.set_most_bytes(draft.room);
  request.set_most_nanos(std::chrono::nanoseconds(kFetching).count());
  const std::string bytes = request.SerializeAsString();
  const std::array<int, 1> descriptors = {draft.fd()};
  const auto now = steady_clock::now();
  if (!running_->channel.send(std::as_bytes(std::span(bytes)), descriptors, now + kSendWithin))
    return fail("fetch debug information", "the process for it does not listen"); // seen by wait()
  under_way_.emplace(request.id(), UnderWay{.request = {.build_id = build_id,
                                                        .asked = std::move(servers),
                                                        .answers = {},
                                                        .draft = std::move(draft)},
                                            .until = now + kFetching + kGrace});
  return {};
}

std::vector<Fetched> FetchLink::wait(int wake, milliseconds at_most) {
  std::array<pollfd, 2> entries{
      pollfd{.fd = wake, .events = POLLIN, .revents = 0},
      {.fd = running_ ? running_->channel.fd() : -1, .events = POLLIN, .revents = 0}};
  ::poll(entries.data(), entries.size(), static_cast<int>(at_most.count()));
  std::vector<Fetched> done;
  const auto now = steady_clock::now();
  const bool late =
      std::ranges::any_of(under_way_, [now](const auto& each) { return now >= each.second.until; });
  if (late || (entries[1].revents != 0 && !take_reply(done)))
    std::ranges::move(fail_all(), std::back_inserter(done));
  return done;
}

bool FetchLink::take_reply(std::vector<Fetched>& done) {
  const auto packet = running_->channel.receive(false, steady_clock::now() + kSendWithin);
  debuginfod::FetchReply reply;
  if (!packet ||
      !reply.ParseFromArray(packet->bytes.data(), static_cast<int>(packet->bytes.size())))
    return false;
  const auto found = under_way_.find(reply.id());
  if (found == under_way_.end())
    return false;
  Fetched& request = found->second.request;
  const auto answers = static_cast<size_t>(reply.answers_size());
  if (answers == 0 || answers > request.asked.size() || !request.draft ||
      reply.size() > request.draft->room)
    return false;
  request.size = reply.size();
  request.answers.assign(reply.answers().begin(), reply.answers().end());
  done.push_back(std::move(request));
  under_way_.erase(found);
  back_off_.succeeded();
  return true;
}

// Each request may be the one that the process has ended over.
std::vector<Fetched> FetchLink::fail_all() {
  std::vector<Fetched> failed;
  failed.reserve(under_way_.size());
  for (auto& [id, request] : under_way_)
    failed.push_back(std::move(request.request));
  under_way_.clear();
  next_start_ = steady_clock::now() + back_off_.failed({}, UINT32_MAX);
  ++restarts_;
  end();
  return failed;
}

void FetchLink::rest() {
  end();
}

void FetchLink::end() {
  if (!running_)
    return;
  running_->process.kill();
  if (const auto end = running_->process.reap(kToEnd))
    ended_cpu_time_ += end->cpu_time;
  running_.reset();
}

} // namespace pprofd
