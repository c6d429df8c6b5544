#include "daemon/debuginfod/servers.h"

#include <algorithm>

#include "daemon/profile/utf8.h"

namespace pprofd {

namespace {

constexpr size_t kLongestWhy = 200;

// It comes from where the network is spoken to.
std::string one_line(const std::string& text) {
  std::string line = to_utf8(std::string_view(text).substr(0, kLongestWhy));
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return line;
}

} // namespace

DebugServers::DebugServers(const std::vector<std::string>& addresses) {
  for (const std::string& address : addresses)
    all_.push_back({.address = address, .back_off = {}, .left_alone_until = {}, .told = {}});
}

std::vector<size_t> DebugServers::ready(Time now) const {
  std::vector<size_t> indexes;
  for (size_t index = 0; index < all_.size(); ++index)
    if (now >= all_[index].left_alone_until)
      indexes.push_back(index);
  return indexes;
}

std::optional<Error> DebugServers::answered(size_t index, const debuginfod::ServerAnswer& answer,
                                            Time now) {
  using Answer = debuginfod::ServerAnswer;
  Server& server = all_.at(index);
  if (answer.kind() == Answer::FAILED)
    server.left_alone_until = now + server.back_off.failed({}, static_cast<uint32_t>(random_()));
  else
    server.back_off.succeeded();
  if (answer.kind() == Answer::MISSING || answer.kind() == Answer::FOUND ||
      (server.told && now < *server.told + kQuiet))
    return std::nullopt;
  server.told = now;
  return Error{"debug information from " + server.address, one_line(answer.why()), ""};
}

} // namespace pprofd
