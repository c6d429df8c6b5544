#include "daemon/serve/process/daemon_link.h"

#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

namespace pprofd::serve {
namespace {

using boost::system::error_code;
using Descriptor = boost::asio::posix::stream_descriptor;

constexpr std::chrono::seconds kLookInterval(1);
// Beyond the profile's own time: names of its addresses may have to be found.
constexpr std::chrono::seconds kProfilePatience(60);
constexpr std::chrono::seconds kMetricsPatience(3);
constexpr std::chrono::seconds kReloadPatience(60);
constexpr size_t kMostQuestions = 256;

} // namespace

DaemonLink::DaemonLink(boost::asio::io_context& io, Link link, Received received, Ended ended)
    : io_(io), link_(std::move(link)), socket_(io, link_.fd()), timer_(io),
      received_(std::move(received)), ended_(std::move(ended)) {}

DaemonLink::~DaemonLink() {
  socket_.release(); // the link closes it
}

void DaemonLink::start() {
  // Some messages may have come together with the configuration.
  boost::asio::post(io_, [this] { read(); });
  look_at_deadlines();
}

void DaemonLink::wait_to_read() {
  socket_.async_wait(Descriptor::wait_read, [this](const error_code& error) {
    if (!error)
      read();
  });
}

void DaemonLink::read() {
  const auto open = link_.fill();
  ToServe message;
  Result<bool> got = true;
  while (!over_ && (got = link_.next(message)) && *got)
    dispatch(message);
  if (over_)
    return;
  if (!open || !got)
    return end(std::unexpected((!open ? open : got).error()));
  if (!*open)
    return end({});
  wait_to_read();
}

void DaemonLink::dispatch(ToServe& message) {
  if (message.has_answer())
    answer(message.answer());
  else
    received_(message);
}

void DaemonLink::answer(const Answer& message) {
  const auto found = questions_.find(message.id());
  if (found == questions_.end())
    return; // cancelled, or too late
  const Answered answered = std::move(found->second.answered);
  questions_.erase(found);
  answered(message);
}

void DaemonLink::end(const Result<void>& why) {
  over_ = true;
  ended_(why);
}

void DaemonLink::send(const ToDaemon& message) {
  if (over_)
    return;
  if (auto ok = link_.send(message); !ok)
    return end(ok);
  wait_to_write();
}

void DaemonLink::wait_to_write() {
  if (writing_ || link_.unsent() == 0)
    return;
  writing_ = true;
  socket_.async_wait(Descriptor::wait_write, [this](const error_code& error) {
    writing_ = false;
    if (error || over_)
      return;
    if (auto ok = link_.flush(); !ok)
      return end(ok);
    wait_to_write();
  });
}

uint64_t DaemonLink::ask(Answered answered, std::chrono::nanoseconds patience,
                         const std::function<void(ToDaemon&, uint64_t id)>& fill) {
  if (over_ || questions_.size() >= kMostQuestions)
    return 0;
  const uint64_t id = next_id_++;
  ToDaemon message;
  fill(message, id);
  questions_[id] = {.answered = std::move(answered),
                    .deadline = std::chrono::steady_clock::now() +
                                std::chrono::duration_cast<std::chrono::milliseconds>(patience)};
  send(message);
  return id;
}

uint64_t DaemonLink::take_profile(ProfileRequest request, Answered answered) {
  const std::chrono::nanoseconds patience =
      std::chrono::nanoseconds(request.duration_nanos()) + kProfilePatience;
  return ask(std::move(answered), patience, [&](ToDaemon& message, uint64_t id) {
    request.set_id(id);
    *message.mutable_profile() = std::move(request);
  });
}

void DaemonLink::cancel(uint64_t id) {
  if (questions_.erase(id) == 0)
    return;
  ToDaemon message;
  message.set_cancel(id);
  send(message);
}

uint64_t DaemonLink::daemon_metrics(Answered answered) {
  return ask(std::move(answered), kMetricsPatience,
             [](ToDaemon& message, uint64_t id) { message.set_daemon_metrics(id); });
}

uint64_t DaemonLink::reload(Answered answered) {
  return ask(std::move(answered), kReloadPatience,
             [](ToDaemon& message, uint64_t id) { message.set_reload(id); });
}

void DaemonLink::look_at_deadlines() {
  const auto now = std::chrono::steady_clock::now();
  std::vector<std::pair<uint64_t, Answered>> late;
  for (auto at = questions_.begin(); at != questions_.end();) {
    if (at->second.deadline > now) {
      ++at;
      continue;
    }
    late.emplace_back(at->first, std::move(at->second.answered));
    at = questions_.erase(at);
  }
  for (const auto& [id, answered] : late) {
    Answer answer;
    answer.set_id(id);
    answer.set_status(504);
    answer.set_body("the daemon did not answer in time");
    answered(answer);
  }
  timer_.expires_after(kLookInterval);
  timer_.async_wait([this](const error_code& error) {
    if (!error)
      look_at_deadlines();
  });
}

} // namespace pprofd::serve
