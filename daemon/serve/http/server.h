// HTTP/1.1 for many clients on one thread, by Boost.Beast: each step of a request has a deadline
// for the whole of it, so that a client that sends a byte now and then is cut as one that sends
// none; headers, bodies, connections and answers on their way out are bounded. Where there are too
// many connections, the one goes that has been waiting longest without a whole request.
//
// Everything here is on the thread that runs the io_context, except Exchange::reply.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include "daemon/serve/http/message.h"
#include "symbolizer/base/fd.h"

namespace pprofd::serve {

struct ServerLimits {
  size_t connections = 2000;
  uint32_t header_bytes = 16 << 10;
  size_t body_bytes = size_t{128} << 20;    // of all requests, as announced
  size_t reply_bytes = size_t{256} << 20;   // of all answers that are on their way
  std::chrono::milliseconds header{10'000}; // from the first byte awaited to the last; handshake
  std::chrono::milliseconds idle{60'000};   // between requests of one connection
  std::chrono::milliseconds body{60'000};
  std::chrono::milliseconds reply{120'000};
};

struct ServerCounts {
  size_t connections = 0; // now
  uint64_t accepted = 0, requests = 0, evicted = 0;
  uint64_t timed_out = 0; // connections that were cut at a deadline
  uint64_t malformed = 0;
};

// What the server asks for each request.
struct ServerCalls {
  // Whether a request may go on, from its header alone: calls `decide` (on the server's thread,
  // perhaps later) with nothing or with the refusal.
  std::function<void(const Request&, std::function<void(std::optional<Response>)> decide)> admit;
  // How long its body may be.
  std::function<size_t(const Request&)> body_limit;
  std::function<void(Request, std::shared_ptr<Exchange>)> handle;
};

class Server {
public:
  Server(boost::asio::io_context& io, ServerCalls calls, const ServerLimits& limits = {});
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  enum class Serves { kEverything, kMetrics };
  // Accepts from a listening TCP or unix socket.
  void listen(Fd socket, Serves serves);
  // TCP listeners that serve everything speak TLS from the next connection on; nullptr: plain.
  void set_tls(std::shared_ptr<boost::asio::ssl::context> tls);
  // Accepts nothing more and ends every connection.
  void stop();
  [[nodiscard]] ServerCounts counts() const;

  struct State; // of the implementation

private:
  std::shared_ptr<State> state_;
};

} // namespace pprofd::serve
