#include "daemon/config/listen_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "daemon/cli/table/suggest.h"
#include "daemon/cli/table/values.h"

namespace pprofd {

namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::string_view kForms =
    "write unix:/run/pprofd/pprofd.sock, 127.0.0.1:7171 or [::1]:7171";
constexpr uint64_t kHighestPort = 65535;

bool is_ip(const std::string& text) {
  in6_addr scratch{};
  return inet_pton(AF_INET, text.c_str(), &scratch) == 1 ||
         inet_pton(AF_INET6, text.c_str(), &scratch) == 1;
}

Result<ListenAddress> parse_unix(std::string_view path) {
  if (!path.starts_with('/'))
    return fail(in_quotes(path), "the path of a socket must be absolute", std::string(kForms));
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return fail(in_quotes(path), "the path of a socket has at most 107 bytes",
                "choose a shorter one");
  return ListenAddress{.unix_path = std::string(path), .ip = {}};
}

} // namespace

std::string ListenAddress::text() const {
  if (!unix_path.empty())
    return std::string(kUnix) + unix_path;
  return (ip.contains(':') ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

bool ListenAddress::is_local() const {
  if (!unix_path.empty())
    return true;
  in_addr four{};
  if (inet_pton(AF_INET, ip.c_str(), &four) == 1)
    return (ntohl(four.s_addr) >> 24) == IN_LOOPBACKNET;
  in6_addr six{};
  return inet_pton(AF_INET6, ip.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

Result<ListenAddress> parse_listen_address(std::string_view text) {
  if (text.starts_with(kUnix))
    return parse_unix(text.substr(kUnix.size()));
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos)
    return fail(in_quotes(text), "it has no port", std::string(kForms));
  const auto port = parse_unsigned(text.substr(colon + 1));
  if (!port || *port == 0 || *port > kHighestPort)
    return fail(in_quotes(text), "its port is not a number from 1 to 65535", std::string(kForms));
  std::string_view host = text.substr(0, colon);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets)
    host = host.substr(1, host.size() - 2);
  std::string ip(host == "localhost" ? "127.0.0.1" : host);
  if (!is_ip(ip) || brackets != ip.contains(':'))
    return fail(in_quotes(text), "its host is not an IP address", std::string(kForms));
  return ListenAddress{.unix_path = {}, .ip = std::move(ip), .port = static_cast<uint16_t>(*port)};
}

} // namespace pprofd
