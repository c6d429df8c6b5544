#include "daemon/serve/http/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/serve/http/connection.h"

namespace pprofd::serve {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

// How many clients of one listener are let in before others get their turn.
constexpr int kAcceptsAtOnce = 32;
// When no descriptor is left: how long until it is tried again.
constexpr std::chrono::milliseconds kExhausted(100);

std::string name_of(int family, const void* address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  return ::inet_ntop(family, address, text.data(), text.size()) == nullptr ? "" : text.data();
}

bool is_loopback(in_addr address) {
  return (ntohl(address.s_addr) >> 24) == IN_LOOPBACKNET;
}

Peer peer_of_ipv6(const in6_addr& address) {
  if (!IN6_IS_ADDR_V4MAPPED(&address))
    return {.kind = IN6_IS_ADDR_LOOPBACK(&address) ? Peer::Kind::kLoopback : Peer::Kind::kNetwork,
            .name = name_of(AF_INET6, &address)};
  in_addr inner{};
  std::memcpy(&inner, &address.s6_addr[12], sizeof inner);
  return {.kind = is_loopback(inner) ? Peer::Kind::kLoopback : Peer::Kind::kNetwork,
          .name = name_of(AF_INET, &inner)};
}

// `family` becomes the socket's.
Peer peer_of(int socket, const sockaddr_storage& address, int& family) {
  family = address.ss_family;
  if (family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address, sizeof in);
    return {.kind = is_loopback(in.sin_addr) ? Peer::Kind::kLoopback : Peer::Kind::kNetwork,
            .name = name_of(AF_INET, &in.sin_addr)};
  }
  if (family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address, sizeof in);
    return peer_of_ipv6(in.sin6_addr);
  }
  family = AF_UNIX;
  ucred credentials{};
  socklen_t length = sizeof credentials;
  // Who connected, as the kernel noted it then. Without it: nobody's.
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0)
    credentials.uid = static_cast<uid_t>(-1);
  return {.kind = Peer::Kind::kUnix,
          .name = "uid " + std::to_string(credentials.uid),
          .uid = credentials.uid};
}

// One listening socket.
class Listener : public std::enable_shared_from_this<Listener> {
public:
  Listener(std::shared_ptr<Server::State> state, Fd socket, Server::Serves serves)
      : state_(std::move(state)), socket_(state_->io, socket.release()), retry_(state_->io),
        serves_(serves) {
    socket_.non_blocking(true);
  }

  void wait() {
    socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                       [self = shared_from_this()](const error_code& error) {
                         if (!error && !self->state_->stopped)
                           self->accept_some();
                       });
  }

private:
  void accept_some() {
    for (int i = 0; i < kAcceptsAtOnce; i++) {
      sockaddr_storage address{};
      socklen_t length = sizeof address;
      Fd client(::accept4(socket_.native_handle(), reinterpret_cast<sockaddr*>(&address), &length,
                          SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!client && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM))
        return wait_for_room();
      if (!client && (errno == EAGAIN || errno == EWOULDBLOCK))
        break;
      if (client)
        take(std::move(client), address);
    }
    wait();
  }

  // Descriptors are exhausted: one of the longest waiting goes, and the rest may wait a moment.
  void wait_for_room() {
    evict_one();
    retry_.expires_after(kExhausted);
    retry_.async_wait([self = shared_from_this()](const error_code& error) {
      if (!error && !self->state_->stopped)
        self->accept_some();
    });
  }

  bool evict_one() {
    if (state_->waiting.empty())
      return false;
    AnyConnection* oldest = state_->waiting.front();
    // It leaves the list when its pending read has ended, which may be after the next one is let
    // in.
    state_->waiting.splice(state_->waiting.end(), state_->waiting, state_->waiting.begin());
    oldest->close();
    state_->counts.evicted++;
    return true;
  }

  void take(Fd client, const sockaddr_storage& address) {
    state_->counts.accepted++;
    if (state_->counts.connections >= state_->limits.connections && !evict_one())
      return;
    int family = AF_UNSPEC;
    Peer peer = peer_of(client.get(), address, family);
    if (family != AF_UNIX) {
      const int on = 1;
      ::setsockopt(client.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    const bool use_tls =
        family != AF_UNIX && serves_ == Server::Serves::kEverything && state_->tls != nullptr;
    start_connection(state_, std::move(client), family, std::move(peer), serves_, use_tls);
  }

  std::shared_ptr<Server::State> state_;
  asio::posix::stream_descriptor socket_;
  asio::steady_timer retry_;
  Server::Serves serves_;
};

} // namespace

Server::Server(asio::io_context& io, ServerCalls calls, const ServerLimits& limits)
    : state_(std::make_shared<State>(io, std::move(calls), limits)) {}

Server::~Server() {
  stop();
}

void Server::listen(Fd socket, Serves serves) {
  std::make_shared<Listener>(state_, std::move(socket), serves)->wait();
}

void Server::set_tls(std::shared_ptr<asio::ssl::context> tls) {
  state_->tls = std::move(tls);
}

void Server::stop() {
  state_->stopped = true;
  for (const ConnectionList* list : {&state_->waiting, &state_->working})
    for (AnyConnection* connection : *list)
      connection->close();
}

ServerCounts Server::counts() const {
  return state_->counts;
}

} // namespace pprofd::serve
