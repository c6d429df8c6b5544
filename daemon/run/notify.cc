#include "daemon/run/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "symbolizer/base/clock.h"

namespace pprofd {

namespace {

std::string variable(const char* name) {
  const char* text = std::getenv(name); // read at the start, on one thread
  return text == nullptr ? "" : text;
}

Fd connected(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path))
    return {};
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@')
    address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  Fd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0)
    return {};
  return fd;
}

} // namespace

Notify Notify::from_environment() {
  const std::string pid = variable("WATCHDOG_PID");
  const bool ours = pid.empty() || pid == std::to_string(getpid());
  const std::string usec = variable("WATCHDOG_USEC");
  const auto interval = ours ? std::strtoll(usec.c_str(), nullptr, 10) : 0;
  return {variable("NOTIFY_SOCKET"), std::chrono::microseconds(interval)};
}

Notify::Notify(const std::string& socket, std::chrono::microseconds watchdog)
    : socket_(connected(socket)), watchdog_(socket_ ? watchdog : std::chrono::microseconds(0)) {}

void Notify::ready(std::string_view text) const {
  send("READY=1\nSTATUS=" + std::string(text));
}

void Notify::status(std::string_view text) const {
  send("STATUS=" + std::string(text));
}

void Notify::watchdog() const {
  send("WATCHDOG=1");
}

// Type=notify-reload wants the time.
void Notify::reloading() const {
  send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_ns() / 1000));
}

void Notify::stopping() const {
  send("STOPPING=1\nSTATUS=Writing the last window");
}

void Notify::send(std::string_view text) const {
  if (socket_)
    (void)::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
}

} // namespace pprofd
