#include "daemon/serve/http/connection.h"

#include <poll.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace pprofd::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using boost::system::error_code;
using PlainStream = beast::basic_stream<asio::generic::stream_protocol>;
using TlsStream = beast::ssl_stream<PlainStream>;

// How often a client is looked after while it waits for its answer.
constexpr std::chrono::milliseconds kLookInterval(250);
// How long what a refused client still sends is thrown away, so that it can read the refusal.
constexpr std::chrono::seconds kLinger(2);
constexpr size_t kDiscardBytes = size_t{64} << 10;

std::string field(const http::fields& fields, http::field name) {
  const auto value = fields[name];
  return {value.data(), value.size()};
}

std::string field(const http::fields& fields, const char* name) {
  const auto value = fields[name];
  return {value.data(), value.size()};
}

unsigned status_of(const error_code& error) {
  if (error == http::error::header_limit)
    return 431;
  if (error == http::error::body_limit)
    return 413;
  return 400;
}

// Whether the peer has closed its side, or the connection broke.
bool hung_up(int fd) {
  pollfd entry{.fd = fd, .events = POLLRDHUP, .revents = 0};
  return ::poll(&entry, 1, 0) > 0 && (entry.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

template <typename Stream> class Connection;

// The answer's way back: keeps the connection until it is given.
template <typename Stream> class ExchangeOf : public Exchange {
public:
  explicit ExchangeOf(std::shared_ptr<Connection<Stream>> connection)
      : connection_(std::move(connection)), io_(connection_->io()) {}
  ExchangeOf(const ExchangeOf&) = delete;
  ExchangeOf& operator=(const ExchangeOf&) = delete;
  // A handler that forgot to answer.
  ~ExchangeOf() override {
    if (connection_)
      reply({.status = 500, .body = "nobody answered this request\n", .headers = {}});
  }

  void reply(Response response) override {
    auto connection = std::exchange(connection_, nullptr);
    if (!connection)
      return;
    asio::post(io_, [connection = std::move(connection), response = std::move(response)]() mutable {
      connection->send(std::move(response));
    });
  }

  void client_gone() { say_gone(); }
  void answered() { forget_callback(); }

private:
  std::shared_ptr<Connection<Stream>> connection_;
  asio::io_context& io_;
};

template <typename Stream>
class Connection : public AnyConnection, public std::enable_shared_from_this<Connection<Stream>> {
public:
  Connection(std::shared_ptr<Server::State> state, Stream stream, Peer peer, Server::Serves serves)
      : state_(std::move(state)), stream_(std::move(stream)), look_(state_->io),
        peer_(std::move(peer)), serves_(serves) {
    place_ = state_->waiting.insert(state_->waiting.end(), this);
    state_->counts.connections++;
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() override {
    list().erase(place_);
    state_->counts.connections--;
    state_->reply_bytes -= reply_bytes_;
    state_->body_bytes -= body_bytes_;
  }

  [[nodiscard]] asio::io_context& io() { return state_->io; }

  void close() override { lowest().close(); }

  void start() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      lowest().expires_after(state_->limits.header);
      stream_.async_handshake(asio::ssl::stream_base::server,
                              [self = this->shared_from_this()](const error_code& error) {
                                self->after_handshake(error);
                              });
    } else {
      read_header(state_->limits.header);
    }
  }

  void send(Response response) {
    look_.cancel();
    if (auto exchange = exchange_.lock())
      exchange->answered();
    exchange_.reset();
    if (state_->stopped)
      return close();
    if (state_->reply_bytes + response.body.size() > state_->limits.reply_bytes) {
      response = {.status = 503,
                  .body = "too many answers are on their way: try again later\n",
                  .headers = {}};
      close_after_ = true;
    }
    write(std::move(response));
  }

private:
  PlainStream& lowest() { return beast::get_lowest_layer(stream_); }
  [[nodiscard]] ConnectionList& list() { return working_ ? state_->working : state_->waiting; }

  // Whether the connection waits for a client's request or works on one.
  void set_working(bool working) {
    ConnectionList& from = list();
    working_ = working;
    list().splice(list().end(), from, place_);
  }

  void after_handshake(const error_code& error) {
    if (error)
      return count_failure(error);
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      X509* certificate = SSL_get1_peer_certificate(stream_.native_handle());
      peer_.certificate =
          certificate != nullptr && SSL_get_verify_result(stream_.native_handle()) == X509_V_OK;
      X509_free(certificate);
    }
    read_header(state_->limits.header);
  }

  void count_failure(const error_code& error) {
    if (error == beast::error::timeout)
      state_->counts.timed_out++;
  }

  void read_header(std::chrono::milliseconds patience) {
    parser_ = std::make_unique<http::request_parser<http::string_body>>();
    parser_->header_limit(state_->limits.header_bytes);
    parser_->body_limit(UINT64_MAX); // looked at behind the header
    lowest().expires_after(patience);
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = this->shared_from_this()](const error_code& error, size_t) {
                              self->after_header(error);
                            });
  }

  void after_header(const error_code& error) {
    if (error == http::error::end_of_stream)
      return shut_down();
    if (error.category() == make_error_code(http::error::bad_method).category()) {
      state_->counts.malformed++;
      set_working(true);
      return refuse({.status = status_of(error),
                     .body = "malformed request: " + error.message() + "\n",
                     .headers = {}});
    }
    if (error)
      return count_failure(error);
    set_working(true);
    state_->counts.requests++;
    take_head();
    lowest().expires_never(); // until a decision, which has a deadline of its own
    state_->calls.admit(request_,
                        [self = this->shared_from_this()](std::optional<Response> refusal) {
                          if (refusal)
                            self->refuse(std::move(*refusal));
                          else
                            self->read_body();
                        });
  }

  void take_head() {
    const auto& head = parser_->get();
    request_ = {};
    request_.method = std::string(head.method_string().data(), head.method_string().size());
    request_.host = field(head, http::field::host);
    request_.origin = field(head, http::field::origin);
    request_.authorization = field(head, http::field::authorization);
    request_.accept_encoding = field(head, http::field::accept_encoding);
    request_.fetch_site = field(head, "Sec-Fetch-Site");
    request_.fetch_mode = field(head, "Sec-Fetch-Mode");
    request_.peer = peer_;
    request_.metrics_only = serves_ == Server::Serves::kMetrics;
    if (const auto length = parser_->content_length())
      request_.content_length = *length;
    if (auto target = parse_target({head.target().data(), head.target().size()})) {
      request_.path = std::move(target->path);
      request_.query = std::move(target->query);
    } // else the path is empty, which nobody serves
    head_only_ = head.method() == http::verb::head;
    close_after_ = !head.keep_alive();
  }

  void read_body() {
    const size_t limit = state_->calls.body_limit(request_);
    if (request_.content_length.value_or(0) > limit)
      return refuse(error_response(413, request_,
                                   "the body is longer than " + std::to_string(limit) + " bytes"));
    if (parser_->is_done())
      return handle();
    // The parser makes room for what is announced.
    body_bytes_ = request_.content_length.value_or(limit);
    state_->body_bytes += body_bytes_;
    if (state_->body_bytes > state_->limits.body_bytes)
      return refuse(error_response(503, request_, "too much is being sent", "try again later"));
    parser_->body_limit(limit);
    lowest().expires_after(state_->limits.body);
    if (beast::iequals(parser_->get()[http::field::expect], "100-continue"))
      return write_continue();
    continue_body();
  }

  void write_continue() {
    auto go_on = std::make_shared<http::response<http::empty_body>>(http::status::continue_, 11);
    http::async_write(stream_, *go_on,
                      [self = this->shared_from_this(), go_on](const error_code& error, size_t) {
                        if (error)
                          self->count_failure(error);
                        else
                          self->continue_body();
                      });
  }

  void continue_body() {
    http::async_read(stream_, buffer_, *parser_,
                     [self = this->shared_from_this()](const error_code& error, size_t) {
                       if (error == http::error::body_limit)
                         self->refuse(error_response(413, self->request_, "the body is too long"));
                       else if (error)
                         self->count_failure(error);
                       else
                         self->handle();
                     });
  }

  void handle() {
    request_.body = std::move(parser_->get().body());
    lowest().expires_never();
    auto exchange = std::make_shared<ExchangeOf<Stream>>(this->shared_from_this());
    exchange_ = exchange;
    look_after();
    state_->calls.handle(std::move(request_), std::move(exchange));
  }

  void look_after() {
    look_.expires_after(kLookInterval);
    look_.async_wait([self = this->shared_from_this()](const error_code& error) {
      const auto exchange = self->exchange_.lock();
      if (error || !exchange)
        return;
      if (hung_up(self->lowest().socket().native_handle()))
        exchange->client_gone();
      else
        self->look_after();
    });
  }

  // Answers a request whose body was not read.
  void refuse(Response response) {
    close_after_ = true;
    write(std::move(response));
  }

  void write(Response response) {
    reply_bytes_ = response.body.size();
    state_->reply_bytes += reply_bytes_;
    response_.emplace(http::int_to_status(response.status), 11);
    response_->set(http::field::content_type, response.content_type);
    // What a browser may do with it.
    response_->set("X-Content-Type-Options", "nosniff");
    response_->set("Cross-Origin-Resource-Policy", "same-origin");
    for (const auto& [name, value] : response.headers)
      response_->set(name, value);
    response_->content_length(response.body.size());
    response_->keep_alive(!close_after_);
    if (!head_only_)
      response_->body() = std::move(response.body);
    lowest().expires_after(state_->limits.reply);
    http::async_write(stream_, *response_,
                      [self = this->shared_from_this()](const error_code& error, size_t) {
                        self->after_write(error);
                      });
  }

  void after_write(const error_code& error) {
    state_->reply_bytes -= std::exchange(reply_bytes_, 0);
    state_->body_bytes -= std::exchange(body_bytes_, 0);
    response_.reset();
    if (error)
      return count_failure(error);
    if (close_after_ || state_->stopped)
      return shut_down();
    set_working(false);
    read_header(state_->limits.idle);
  }

  // Ends our side, and throws away what still comes for a moment.
  void shut_down() {
    error_code ignored;
    lowest().socket().shutdown(asio::socket_base::shutdown_send, ignored);
    lowest().expires_after(kLinger);
    discard();
  }

  void discard() {
    lowest().async_read_some(buffer_.prepare(kDiscardBytes),
                             [self = this->shared_from_this()](const error_code& error, size_t) {
                               if (!error)
                                 self->discard();
                             });
  }

  std::shared_ptr<Server::State> state_;
  Stream stream_;
  asio::steady_timer look_;
  Peer peer_;
  Server::Serves serves_;
  ConnectionList::iterator place_;
  bool working_ = false;
  bool head_only_ = false;
  bool close_after_ = false;
  size_t reply_bytes_ = 0;
  size_t body_bytes_ = 0; // of the request that is being read or worked on
  beast::flat_buffer buffer_;
  std::unique_ptr<http::request_parser<http::string_body>> parser_;
  std::optional<http::response<http::string_body>> response_;
  Request request_;
  std::weak_ptr<ExchangeOf<Stream>> exchange_;
};

} // namespace

void start_connection(std::shared_ptr<Server::State> state, Fd socket, int family, Peer peer,
                      Server::Serves serves, bool use_tls) {
  PlainStream::socket_type plain(state->io);
  error_code error;
  (void)plain.assign(asio::generic::stream_protocol(family, 0), socket.get(), error);
  if (error)
    return;
  (void)socket.release();
  if (use_tls) {
    // The connection keeps the context that it began with.
    TlsStream stream(std::move(plain), *state->tls);
    std::make_shared<Connection<TlsStream>>(std::move(state), std::move(stream), std::move(peer),
                                            serves)
        ->start();
    return;
  }
  std::make_shared<Connection<PlainStream>>(std::move(state), PlainStream(std::move(plain)),
                                            std::move(peer), serves)
      ->start();
}

} // namespace pprofd::serve
