// Where a server listens, as http.listen says it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "symbolizer/base/result.h"

namespace pprofd {

struct ListenAddress {
  std::string unix_path; // of a socket; empty: TCP
  std::string ip;        // numeric, without brackets
  uint16_t port = 0;

  bool operator==(const ListenAddress&) const = default;
  // As it may be written in the configuration.
  [[nodiscard]] std::string text() const;
  // Whether only this machine's processes can reach it.
  [[nodiscard]] bool is_local() const;
};

// unix:PATH (absolute), IP:PORT, [IPv6]:PORT, localhost:PORT. Names are not looked up: what they
// mean may change. An Error says what is wrong with the text.
Result<ListenAddress> parse_listen_address(std::string_view text);

} // namespace pprofd
