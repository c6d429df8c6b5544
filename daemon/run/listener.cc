#include "daemon/run/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "symbolizer/worker/privileges.h"

namespace pprofd {

namespace {

constexpr int kBacklog = 1024;
constexpr mode_t kSocketMode = 0660;

Result<Fd> new_socket(int family, const std::string& what) {
  Fd socket(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket)
    return fail_errno(what, errno);
  return socket;
}

Result<void> bind_and_listen(const Fd& socket, const sockaddr* address, socklen_t length,
                             const std::string& what) {
  if (::bind(socket.get(), address, length) == 0 && ::listen(socket.get(), kBacklog) == 0)
    return {};
  return fail_errno(what, errno, "stop what listens there, or set http.listen to another address");
}

sockaddr_un file_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(&address.sun_path[0], sizeof address.sun_path - 1);
  return address;
}

// Removes a socket that nobody listens on any more.
Result<void> make_room(const std::string& path, const sockaddr_un& address,
                       const std::string& what) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0)
    return {};
  if (!S_ISSOCK(there.st_mode))
    return fail(what, "a file that is no socket has this name",
                "remove it, or set http.listen to another path");
  auto probe = new_socket(AF_UNIX, what);
  if (!probe)
    return std::unexpected(probe.error());
  const bool alive =
      ::connect(probe->get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno == EAGAIN;
  if (alive)
    return fail(what, "another process listens there",
                "stop it, or set http.listen to another path");
  return ::unlink(path.c_str()) == 0 ? Result<void>() : fail_errno(what, errno);
}

// Of what stands at the path only a socket of ours, and no link: others may write to its folder.
Result<void> open_to_group(const std::string& path, const std::string& what) {
  const Fd file(::open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat there{};
  if (!file || ::fstat(file.get(), &there) != 0)
    return fail_errno(what, errno);
  if (!S_ISSOCK(there.st_mode) || there.st_uid != ::geteuid())
    return fail(what, "another file has taken the socket's place",
                "set http.listen to a path in a folder that only root may write to");
  if (::geteuid() == 0)
    (void)::fchownat(file.get(), "", 0, symbolizer::unprivileged_user().gid, AT_EMPTY_PATH);
  const std::string same = "/proc/self/fd/" + std::to_string(file.get()); // fchmod takes no O_PATH
  return ::chmod(same.c_str(), kSocketMode) == 0 ? Result<void>() : fail_errno(what, errno);
}

Result<Fd> listen_on_file(const std::string& path, const std::string& what) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  auto socket = new_socket(AF_UNIX, what);
  if (!socket)
    return socket;
  const sockaddr_un address = file_address(path);
  if (auto room = make_room(path, address, what); !room)
    return std::unexpected(room.error());
  // Nobody connects before the mode is right.
  const mode_t before = ::umask(0777);
  auto bound =
      bind_and_listen(*socket, reinterpret_cast<const sockaddr*>(&address), sizeof address, what);
  ::umask(before);
  if (!bound)
    return std::unexpected(bound.error());
  if (auto opened = open_to_group(path, what); !opened)
    return std::unexpected(opened.error());
  return socket;
}

Result<Fd> listen_on_port(const ListenAddress& address, const std::string& what) {
  sockaddr_in6 six{};
  sockaddr_in four{};
  const bool is_six = ::inet_pton(AF_INET6, address.ip.c_str(), &six.sin6_addr) == 1;
  if (!is_six && ::inet_pton(AF_INET, address.ip.c_str(), &four.sin_addr) != 1)
    return fail(what, "no IP address");
  auto socket = new_socket(is_six ? AF_INET6 : AF_INET, what);
  if (!socket)
    return socket;
  const int on = 1;
  ::setsockopt(socket->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (is_six)
    ::setsockopt(socket->get(), IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  six.sin6_family = AF_INET6;
  six.sin6_port = four.sin_port = htons(address.port);
  four.sin_family = AF_INET;
  auto bound =
      is_six
          ? bind_and_listen(*socket, reinterpret_cast<const sockaddr*>(&six), sizeof six, what)
          : bind_and_listen(*socket, reinterpret_cast<const sockaddr*>(&four), sizeof four, what);
  if (!bound)
    return std::unexpected(bound.error());
  return socket;
}

} // namespace

Result<Fd> open_listener(const ListenAddress& address) {
  const std::string what = "listen on " + address.text();
  return address.unix_path.empty() ? listen_on_port(address, what)
                                   : listen_on_file(address.unix_path, what);
}

} // namespace pprofd
