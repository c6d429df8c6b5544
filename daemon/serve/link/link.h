// One end of the stream socket between the daemon and its process for the network: messages of
// proto/serve.proto, each behind its length (4 bytes, little endian).
//
// Nothing here blocks: the owner polls fd() for wanted_events(), then calls fill() and next(), and
// flush(). The other side may be hostile: a length above kMaxMessage is refused before anything is
// kept for it, memory grows with what has come, not with what was announced, and what the other
// side does not take is bounded. One thread.
#pragma once

#include <google/protobuf/message_lite.h>

#include <cstddef>
#include <string>
#include <utility>

#include "symbolizer/base/fd.h"
#include "symbolizer/base/result.h"

namespace pprofd::serve {

inline constexpr size_t kMaxMessage = size_t{64} << 20;
inline constexpr size_t kMaxUnsent = 2 * kMaxMessage;

class Link {
public:
  // Two connected ends.
  static Result<std::pair<Link, Link>> pair();
  explicit Link(Fd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int fd() const { return socket_.get(); }
  // POLLIN, and POLLOUT while something waits to be sent.
  [[nodiscard]] short wanted_events() const;
  [[nodiscard]] size_t unsent() const { return out_.size() - sent_; }

  // Queues one message and sends what can be sent at once. Errors: it is too long, too much is
  // unsent already (the message is not queued), the other side is gone.
  Result<void> send(const google::protobuf::MessageLite& message);
  Result<void> flush();

  // Takes what has come, at most some hundred kilobytes. False: the other side has closed its end,
  // and next() may still have messages.
  Result<bool> fill();
  // The next whole message; false: there is none yet. An error is for ever: the stream has lost
  // its order.
  Result<bool> next(google::protobuf::MessageLite& message);

private:
  Fd socket_;
  std::string in_;
  size_t taken_ = 0; // of in_
  std::string out_;
  size_t sent_ = 0; // of out_
};

} // namespace pprofd::serve
