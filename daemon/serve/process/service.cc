#include "daemon/serve/process/service.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include <boost/asio/post.hpp>

#include "daemon/profile/utf8.h"
#include "daemon/serve/http/tls.h"
#include "daemon/serve/link/counted_samples.h"
#include "daemon/serve/link/failure.h"

namespace pprofd::serve {
namespace {

namespace asio = boost::asio;

constexpr size_t kQueryThreads = 2;
constexpr size_t kQueuedQueries = 64;
constexpr size_t kQueuedPasswords = 32;

Error error_of(const std::string& what, const std::string& why, const std::string& hint = {}) {
  return {what, why, hint};
}

// Whether clients of other machines can reach a listening socket.
bool faces_network(int socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length) != 0)
    return true;
  if (address.ss_family == AF_UNIX)
    return false;
  if (address.ss_family == AF_INET)
    return (ntohl(reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr) >> 24) !=
           IN_LOOPBACKNET;
  return address.ss_family != AF_INET6 ||
         !IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6&>(address).sin6_addr);
}

StoreLimits limits_of(const Configuration& configuration) {
  return {.retention =
              static_cast<int64_t>(std::min<uint64_t>(configuration.retention_nanos(), INT64_MAX)),
          .max_bytes = configuration.max_store_bytes(),
          .triggered_retention = static_cast<int64_t>(
              std::min<uint64_t>(configuration.triggered_retention_nanos(), INT64_MAX)),
          .triggered_max_bytes = configuration.max_triggered_bytes()};
}

Result<Credentials> credentials_of(const Configuration& configuration) {
  auto users = parse_users(configuration.users());
  auto tokens = parse_tokens(configuration.tokens());
  if (!users)
    return std::unexpected(users.error());
  if (!tokens)
    return std::unexpected(tokens.error());
  return Credentials{.users = std::move(*users),
                     .tokens = std::move(*tokens),
                     .certificates = !configuration.tls_client_ca().empty()};
}

} // namespace

Service::Service(Link link, std::string version)
    : daemon_(
          io_, std::move(link), [this](ToServe& message) { receive(message); },
          [this](const Result<void>&) { end(); }),
      version_(std::move(version)), queries_(std::make_unique<Pool>(kQueryThreads, kQueuedQueries)),
      passwords_(std::make_unique<Pool>(1, kQueuedPasswords)) {}

Service::~Service() {
  finish();
}

void Service::finish() {
  // Work that runs uses the store and answers into the loop.
  queries_.reset();
  passwords_.reset();
  store_.reset();
  report_stored();
}

Result<void> Service::configure(const Configuration& configuration) {
  auto credentials = credentials_of(configuration);
  if (!credentials)
    return std::unexpected(credentials.error());
  if (auto ok = check_network(*credentials, !configuration.tls_cert().empty()); !ok)
    return ok;
  std::shared_ptr<asio::ssl::context> tls;
  if (!configuration.tls_cert().empty()) {
    auto made = make_tls({.certificate = configuration.tls_cert(),
                          .key = configuration.tls_key(),
                          .client_ca = configuration.tls_client_ca(),
                          .certificate_required = true});
    if (!made)
      return std::unexpected(made.error());
    tls = std::move(*made);
  }
  gate_ = std::make_shared<Gate>(std::move(*credentials));
  tls_ = tls != nullptr;
  server_->set_tls(std::move(tls));
  host_labels_.clear();
  for (const auto& [name, value] : configuration.host_labels())
    host_labels_[name] = to_utf8(value);
  if (store_)
    store_->set_limits(limits_of(configuration));
  return {};
}

Result<void> Service::check_network(const Credentials& credentials, bool tls) const {
  if (network_.empty())
    return {};
  const std::string what = "listen on " + network_.front();
  if (!credentials.any())
    return fail(what,
                "whoever reaches it could profile this machine: no authentication is configured",
                "set http.auth_basic_file, http.auth_token_file or http.tls_client_ca");
  if (tls_ && !tls)
    return fail(what, "it has had TLS until now, and passwords and tokens would go in clear",
                "set http.tls_cert and http.tls_key, or start the service anew");
  return {};
}

Result<void> Service::start(const Configuration& configuration, std::vector<Fd> listeners) {
  if (listeners.size() != static_cast<size_t>(configuration.listeners_size()))
    return fail("listen", "there are not as many sockets as addresses");
  for (int i = 0; i < configuration.listeners_size(); i++)
    if (!configuration.listeners(i).metrics_only() &&
        faces_network(listeners[static_cast<size_t>(i)].get()))
      network_.push_back(to_utf8(configuration.listeners(i).address()));
  server_ = std::make_unique<Server>(
      io_, ServerCalls{
               .admit =
                   [this](const Request& request,
                          const std::function<void(std::optional<Response>)>& decide) {
                     admit(request, decide);
                   },
               .body_limit = [this](const Request& request) { return api_->body_limit(request); },
               .handle =
                   [this](Request request, const std::shared_ptr<Exchange>& exchange) {
                     api_->handle(std::move(request), exchange);
                   }});
  if (auto ok = configure(configuration); !ok)
    return ok;
  // The process is in the folder: nothing above it can be opened.
  auto store = Store::open(".", limits_of(configuration),
                           [this, path = configuration.store_path()](const Error& note) {
                             asio::post(io_, [this, path, note] {
                               report({"store " + path + ": " + note.what, note.why, ""});
                             });
                           });
  if (!store)
    return std::unexpected(store.error());
  store_ = std::move(*store);
  api_ = std::make_unique<Api>(ApiContext{.store = *store_,
                                          .pool = *queries_,
                                          .daemon = daemon_,
                                          .version = version_,
                                          .server_counts = [this] { return server_->counts(); }});
  for (int i = 0; i < configuration.listeners_size(); i++)
    server_->listen(std::move(listeners[static_cast<size_t>(i)]),
                    configuration.listeners(i).metrics_only() ? Server::Serves::kMetrics
                                                              : Server::Serves::kEverything);
  daemon_.start();
  say_ready();
  return {};
}

void Service::say_ready() {
  ToDaemon ready;
  ready.set_ready(true);
  daemon_.send(ready);
}

void Service::run() {
  const auto guard = asio::make_work_guard(io_);
  io_.run();
}

void Service::report(const Error& error) {
  ToDaemon message;
  *message.mutable_failure() = failure_of(error);
  daemon_.send(message);
}

void Service::refuse(const Error& error) {
  ToDaemon message;
  *message.mutable_refused() = failure_of(error);
  daemon_.send(message);
}

void Service::receive(ToServe& message) {
  switch (message.message_case()) {
  case ToServe::kProfile:
    return store_profile(*message.mutable_profile());
  case ToServe::kMetrics:
    return store_metrics(*message.mutable_metrics());
  case ToServe::kConfiguration:
    if (auto ok = configure(message.configuration()); !ok)
      return refuse(ok.error());
    return say_ready();
  case ToServe::kEvent:
    return store_->add_event(
        {message.event().time_nanos(), message.event().kind(), message.event().text()});
  case ToServe::kStop:
    return end();
  default:
    return;
  }
}

void Service::store_profile(WindowProfile& window) {
  const uint64_t samples = counted_samples(window);
  NewProfile profile{.id = window.id(),
                     .type = window.type(),
                     .service = window.service(),
                     .labels = host_labels_,
                     .time = window.time_nanos(),
                     .duration = window.duration_nanos(),
                     .samples = window.samples(),
                     .value = window.value(),
                     .bytes = std::move(*window.mutable_profile())};
  for (const auto& [name, value] : window.labels())
    profile.labels[name] = value;
  // Why one could not be stored is said by the store's notes.
  const bool queued =
      store_->add(std::move(profile), [this, samples](const Result<StoredProfile>& stored) {
        count_done(stored.has_value(), samples);
      });
  if (!queued) {
    report(error_of("store a profile", "the disk is slower than profiles come: it is dropped"));
    count_done(false, samples);
  }
}

void Service::count_done(bool stored, uint64_t samples) {
  if (!stored) {
    failed_++;
    failed_samples_ += samples;
  }
  done_++;
  if (report_asked_.exchange(true))
    return; // said together with those that come now
  asio::post(io_, [this] {
    report_asked_ = false;
    report_stored();
  });
}

void Service::report_stored() {
  ToDaemon message;
  message.mutable_stored()->set_profiles(done_);
  message.mutable_stored()->set_failed(failed_);
  message.mutable_stored()->set_failed_samples(failed_samples_);
  daemon_.send(message);
}

void Service::store_metrics(ProcessMetrics& metrics) {
  store_->add_metrics(metrics.time_nanos(), metrics.SerializeAsString());
}

void Service::admit(const Request& request,
                    const std::function<void(std::optional<Response>)>& decide) {
  if (request.path.empty())
    return decide(error_response(400, request, "the address is malformed"));
  if (!request.metrics_only)
    if (const auto why = foreign_request(request))
      return decide(error_response(403, request, *why));
  switch (gate_->look_at(request)) {
  case Verdict::kAllowed:
    return decide(std::nullopt);
  case Verdict::kRefused:
    return decide(unauthorized(request));
  case Verdict::kCheckPassword:
    return check_password(request, decide);
  }
}

void Service::check_password(const Request& request,
                             const std::function<void(std::optional<Response>)>& decide) {
  const bool queued = passwords_->run([this, gate = gate_, request, decide] {
    const bool right = gate->check_password(request);
    asio::post(io_, [request, decide, right] {
      decide(right ? std::nullopt : std::optional(unauthorized(request)));
    });
  });
  if (!queued)
    decide(error_response(503, request, "too many passwords are being checked", "try again"));
}

void Service::end() {
  server_->stop();
  io_.stop();
}

} // namespace pprofd::serve
