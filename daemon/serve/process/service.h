// Link, store and HTTP put together, on one event loop. One thread, beside those of store and pool.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "daemon/serve/api/api.h"
#include "daemon/serve/http/access.h"
#include "daemon/serve/http/server.h"
#include "daemon/serve/process/daemon_link.h"
#include "daemon/serve/store/store.h"

namespace pprofd::serve {

class Service {
public:
  // `listeners`: in the order of the configuration.
  Service(Link link, std::string version);
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service();

  // Opens the store in the current folder, begins to listen and says so to the daemon. Errors: the
  // store cannot be opened, a listener that faces the network has no authentication, credentials or
  // TLS are wrong.
  Result<void> start(const Configuration& configuration, std::vector<Fd> listeners);
  // Until the daemon says stop or is gone.
  void run();
  // Ends queries, and writes what the store still has to write.
  void finish();
  // Tells the daemon what went wrong, and that for this the configuration is not taken.
  void report(const Error& error);
  void refuse(const Error& error);

private:
  // All of it or, with an error, nothing. Errors: credentials or TLS are wrong; listeners that face
  // the network would lose either.
  Result<void> configure(const Configuration& configuration);
  [[nodiscard]] Result<void> check_network(const Credentials& credentials, bool tls) const;
  void receive(ToServe& message);
  void say_ready();
  void store_profile(WindowProfile& window);
  void count_done(bool stored, uint64_t samples);
  void store_metrics(ProcessMetrics& metrics);
  void report_stored();
  void admit(const Request& request, const std::function<void(std::optional<Response>)>& decide);
  void check_password(const Request& request,
                      const std::function<void(std::optional<Response>)>& decide);
  void end();

  boost::asio::io_context io_;
  DaemonLink daemon_;
  std::string version_;
  std::unique_ptr<Store> store_;
  std::shared_ptr<Gate> gate_;
  bool tls_ = false;
  std::vector<std::string> network_; // addresses that face it, but for those of metrics
  std::unique_ptr<Server> server_;
  std::unique_ptr<Api> api_;
  Labels host_labels_;
  // Of the windows' profiles; the store's thread counts too.
  std::atomic<uint64_t> done_ = 0;
  std::atomic<uint64_t> failed_ = 0; // of these
  std::atomic<uint64_t> failed_samples_ = 0;
  std::atomic<bool> report_asked_ = false;
  std::unique_ptr<Pool> queries_;   // ends before what its work uses
  std::unique_ptr<Pool> passwords_; // apart, so that queries do not keep users out
};

} // namespace pprofd::serve
