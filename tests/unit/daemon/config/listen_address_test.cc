#include <gtest/gtest.h>

#include "daemon/config/listen_address.h"

namespace pprofd {
namespace {

TEST(ListenAddress, ReadsEveryForm) {
  const auto socket = parse_listen_address("unix:/run/pprofd/pprofd.sock");
  ASSERT_TRUE(socket);
  EXPECT_EQ(socket->unix_path, "/run/pprofd/pprofd.sock");
  const auto four = parse_listen_address("10.1.2.3:7171");
  ASSERT_TRUE(four);
  EXPECT_EQ(four->ip, "10.1.2.3");
  EXPECT_EQ(four->port, 7171);
  const auto six = parse_listen_address("[2001:db8::1]:65535");
  ASSERT_TRUE(six);
  EXPECT_EQ(six->ip, "2001:db8::1");
  EXPECT_EQ(parse_listen_address("localhost:1")->ip, "127.0.0.1");
}

TEST(ListenAddress, KnowsWhatOnlyThisMachineReaches) {
  for (const char* local : {"unix:/x", "127.0.0.1:1", "127.255.0.3:1", "[::1]:1", "localhost:1"})
    EXPECT_TRUE(parse_listen_address(local)->is_local()) << local;
  for (const char* open : {"0.0.0.0:1", "[::]:1", "192.168.1.1:1", "128.0.0.1:1",
                           "[::ffff:127.0.0.1]:1", "[fe80::1]:1"})
    EXPECT_FALSE(parse_listen_address(open)->is_local()) << open;
}

TEST(ListenAddress, RefusesWhatMakesNoSenseAndSaysWhy) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "it has no port"},
      {"127.0.0.1", "it has no port"},
      {"127.0.0.1:", "its port is not a number from 1 to 65535"},
      {"127.0.0.1:0", "its port is not a number from 1 to 65535"},
      {"127.0.0.1:65536", "its port is not a number from 1 to 65535"},
      {"127.0.0.1:http", "its port is not a number from 1 to 65535"},
      {":7171", "its host is not an IP address"},
      {"example.com:7171", "its host is not an IP address"},
      {"::1:7171", "its host is not an IP address"},
      {"[127.0.0.1]:7171", "its host is not an IP address"},
      {"127.1:7171", "its host is not an IP address"},
      {"unix:relative", "the path of a socket must be absolute"},
      {"unix:/" + std::string(107, 'x'), "the path of a socket has at most 107 bytes"},
  };
  for (const auto& [text, why] : cases) {
    const auto parsed = parse_listen_address(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().why, why) << text;
    EXPECT_FALSE(parsed.error().hint.empty()) << text;
  }
}

} // namespace
} // namespace pprofd
