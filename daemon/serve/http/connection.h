// One connection of the server, and what all connections share. Internal to this folder.
#pragma once

#include <list>
#include <memory>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include "daemon/serve/http/server.h"

namespace pprofd::serve {

class AnyConnection {
public:
  virtual ~AnyConnection() = default;
  virtual void close() = 0;
};

// Connections by what they wait for; an entry is in one of the lists.
using ConnectionList = std::list<AnyConnection*>;

struct Server::State {
  State(boost::asio::io_context& context, ServerCalls given, const ServerLimits& bounds)
      : io(context), calls(std::move(given)), limits(bounds) {}

  boost::asio::io_context& io;
  ServerCalls calls;
  ServerLimits limits;
  ServerCounts counts;
  std::shared_ptr<boost::asio::ssl::context> tls;
  ConnectionList waiting; // for a whole request's header; the longest first
  ConnectionList working;
  size_t reply_bytes = 0;
  size_t body_bytes = 0;
  bool stopped = false;
};

// Takes over a connected socket.
void start_connection(std::shared_ptr<Server::State> state, Fd socket, int family, Peer peer,
                      Server::Serves serves, bool use_tls);

} // namespace pprofd::serve
