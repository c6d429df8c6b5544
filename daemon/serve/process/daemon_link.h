// The daemon at the other end of the link, for the event loop: messages that come, questions that
// are asked. The server's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/serve/api/api.h"
#include "daemon/serve/link/link.h"

namespace pprofd::serve {

class DaemonLink : public DaemonPort {
public:
  using Received = std::function<void(ToServe&)>; // what is no answer
  using Ended = std::function<void(const Result<void>& why)>;

  // `ended`: the daemon has closed its end, or what came from it is no message.
  DaemonLink(boost::asio::io_context& io, Link link, Received received, Ended ended);
  DaemonLink(const DaemonLink&) = delete;
  DaemonLink& operator=(const DaemonLink&) = delete;
  ~DaemonLink() override;

  void start();
  void send(const ToDaemon& message);

  uint64_t take_profile(ProfileRequest request, Answered answered) override;
  void cancel(uint64_t id) override;
  uint64_t daemon_metrics(Answered answered) override;
  uint64_t reload(Answered answered) override;

private:
  struct Question {
    Answered answered;
    std::chrono::steady_clock::time_point deadline;
  };

  uint64_t ask(Answered answered, std::chrono::nanoseconds patience,
               const std::function<void(ToDaemon&, uint64_t id)>& fill);
  void wait_to_read();
  void wait_to_write();
  void read();
  void dispatch(ToServe& message);
  void answer(const Answer& message);
  void end(const Result<void>& why);
  // Answers questions that the daemon has left unanswered.
  void look_at_deadlines();

  boost::asio::io_context& io_;
  Link link_;
  boost::asio::posix::stream_descriptor socket_; // the link's descriptor, watched
  boost::asio::steady_timer timer_;
  Received received_;
  Ended ended_;
  bool writing_ = false;
  bool over_ = false;
  uint64_t next_id_ = 1;
  std::map<uint64_t, Question> questions_;
};

} // namespace pprofd::serve
