// The service's word to systemd: sd_notify(3)'s protocol, datagrams to the socket that
// NOTIFY_SOCKET names. Where nobody listens, nothing is said.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "symbolizer/base/fd.h"

namespace pprofd {

class Notify {
public:
  // From NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID.
  static Notify from_environment();
  // `socket`: a path, or an abstract name behind '@'; empty: nobody listens.
  Notify(const std::string& socket, std::chrono::microseconds watchdog);

  void ready(std::string_view text) const;
  void status(std::string_view text) const;
  void watchdog() const;
  void reloading() const;
  void stopping() const;

  // How often the watchdog wants to hear; zero: never.
  [[nodiscard]] std::chrono::microseconds watchdog_interval() const { return watchdog_ / 2; }

private:
  void send(std::string_view text) const;

  Fd socket_;
  std::chrono::microseconds watchdog_;
};

} // namespace pprofd
