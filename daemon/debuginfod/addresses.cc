#include "daemon/debuginfod/addresses.h"

#include <algorithm>
#include <sstream>

namespace pprofd {

namespace {

constexpr size_t kShortestBuildId = 4; // bytes
constexpr size_t kLongestBuildId = 32;
constexpr size_t kLongestAddress = 1024;

bool is_address_part(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("-._~:/[]%+").contains(c);
}

std::string_view without_scheme(std::string_view address) {
  for (const std::string_view scheme : {"http://", "https://"})
    if (address.starts_with(scheme))
      return address.substr(scheme.size());
  return {};
}

Result<std::string> parse_server(std::string address, const std::string& option) {
  const std::string what = option + " = '" + address.substr(0, kLongestAddress) + "'";
  const std::string_view rest = without_scheme(address);
  if (rest.empty() || rest.front() == '/' || rest.front() == ':')
    return fail(what, "not the address of a server",
                "give one such as https://debuginfod.debian.net");
  if (address.contains('@'))
    return fail(what, "a user's name and password would stand in logs",
                "let a proxy on this machine add them");
  if (address.size() > kLongestAddress || !std::ranges::all_of(address, is_address_part))
    return fail(what, "it has characters that addresses of servers do not have, or is too long",
                "leave out what follows '?' or '#'");
  address.erase(address.find_last_not_of('/') + 1);
  return address;
}

} // namespace

bool is_build_id(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() % 2 == 0 && text.size() >= 2 * kShortestBuildId &&
         text.size() <= 2 * kLongestBuildId && std::ranges::all_of(text, is_digit);
}

Result<std::vector<std::string>> parse_debug_servers(const std::vector<std::string>& texts,
                                                     const std::string& option) {
  std::vector<std::string> servers;
  for (const std::string& text : texts) {
    std::istringstream words(text);
    for (std::string word; words >> word;) {
      auto server = parse_server(word, option);
      if (!server)
        return std::unexpected(server.error());
      if (std::ranges::find(servers, *server) == servers.end())
        servers.push_back(std::move(*server));
    }
  }
  if (servers.size() > kMostDebugServers)
    return fail(option, "more than " + std::to_string(kMostDebugServers) + " servers",
                "a debuginfod can ask others itself");
  return servers;
}

std::string debug_address(const std::string& server, const std::string& build_id) {
  return server + "/buildid/" + build_id + "/debuginfo";
}

} // namespace pprofd
