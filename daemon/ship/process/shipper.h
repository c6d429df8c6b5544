// The link to the daemon, the targets and the connections put together: one loop, one thread.
#pragma once

#include <chrono>
#include <list>
#include <memory>
#include <vector>

#include "daemon/serve/link/link.h"
#include "daemon/ship/send/file_sender.h"
#include "daemon/ship/send/http_client.h"
#include "daemon/ship/send/target.h"
#include "proto/serve.pb.h"
#include "symbolizer/base/result.h"

namespace pprofd::ship {

class Shipper {
public:
  explicit Shipper(serve::Link link) : link_(std::move(link)) {}
  Shipper(const Shipper&) = delete;
  Shipper& operator=(const Shipper&) = delete;
  ~Shipper() = default;

  // Opens the spools, which are folders of the current one, and says to the daemon that it is
  // ready. Errors: a spool or a folder cannot be opened, a certificate makes no sense.
  Result<void> start(const serve::Configuration& configuration);
  // Until the daemon says stop, is gone, or has another configuration.
  void run();
  // Tells the daemon that it can't work with the configuration.
  void refuse(const Error& error);

private:
  // What a target needs to stay where it is.
  struct Place {
    serve::ShipTarget settings;
    HttpOptions http;
    std::unique_ptr<FileSender> files; // of a file target
    std::unique_ptr<Target> target;
  };

  Result<void> add_target(const serve::ShipTarget& settings);
  Result<void> add_sender(Place& place);
  void step();
  void receive();
  void take(const serve::ToServe& message);
  void take_configuration(const serve::Configuration& configuration);
  void take_profile(const serve::WindowProfile& profile);
  void acknowledge();
  void report(const Error& error);
  void report_figures();
  void say_ready();
  void send(const serve::ToDaemon& message);
  [[nodiscard]] std::chrono::milliseconds until_next() const;
  void drain();

  serve::Link link_;
  serve::Configuration configuration_;
  std::unique_ptr<HttpClient> client_; // before the targets: they are called by it, and go first
  std::list<Place> places_;
  uint64_t taken_ = 0; // profiles that came
  uint64_t acknowledged_ = 0;
  std::string reported_; // figures
  std::chrono::steady_clock::time_point reported_at_;
  bool stop_ = false;
};

} // namespace pprofd::ship
