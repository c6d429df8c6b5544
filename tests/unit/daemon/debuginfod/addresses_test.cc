#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "daemon/debuginfod/addresses.h"

namespace pprofd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(DebugAddresses, OnlyBuildIdsAreBuildIds) {
  EXPECT_TRUE(is_build_id("0123456789abcdef0123456789abcdef01234567"));
  EXPECT_TRUE(is_build_id("01234567"));
  EXPECT_TRUE(is_build_id(std::string(64, 'f')));
  for (const char* const text :
       {"", "0123", "0123456", "012345678", "0123456G", "0123456F", "../../..", "01234567/x",
        "0123456789abcdef ", "0123456789abcdef%2f", "01234567\n9abcdef"})
    EXPECT_FALSE(is_build_id(text)) << text;
  EXPECT_FALSE(is_build_id(std::string(66, 'f')));
  EXPECT_FALSE(is_build_id(std::string("01234567\0 9abcdef", 16)));
}

TEST(DebugAddresses, AreWhereDebuginfodHasFiles) {
  EXPECT_EQ(debug_address("https://debuginfod.debian.net", "01234567"),
            "https://debuginfod.debian.net/buildid/01234567/debuginfo");
}

TEST(DebugAddresses, ServersAreTakenAsTheyAreUsuallyGiven) {
  const auto servers = parse_debug_servers({"https://one.example/",
                                            "http://127.0.0.1:8002 https://two.example/a/b//", " ",
                                            "https://one.example", "http://[::1]:8002"},
                                           "--debuginfod");
  ASSERT_TRUE(servers);
  EXPECT_THAT(*servers, ElementsAre("https://one.example", "http://127.0.0.1:8002",
                                    "https://two.example/a/b", "http://[::1]:8002"));
  EXPECT_THAT(*parse_debug_servers({}, "--debuginfod"), ElementsAre());
}

TEST(DebugAddresses, WhatIsNoServerIsRefusedWithItsName) {
  for (const char* const text :
       {"one.example", "ftp://one.example", "file:///etc/passwd", "https://", "https:///x",
        "http://:80", "http://user:secret@one.example", "http://one.example/?a=b",
        "http://one.example/#a", "http://one.example/\"", "ima:enforcing"}) {
    const auto servers = parse_debug_servers({text}, "--debuginfod");
    ASSERT_FALSE(servers) << text;
    EXPECT_THAT(servers.error().what, HasSubstr("--debuginfod = '"));
    EXPECT_FALSE(servers.error().why.empty());
  }
  EXPECT_FALSE(parse_debug_servers({"http://a/" + std::string(2000, 'a')}, "--debuginfod"));
  std::vector<std::string> many;
  for (size_t i = 0; i <= kMostDebugServers; ++i)
    many.push_back("http://a/" + std::to_string(i));
  EXPECT_FALSE(parse_debug_servers(many, "--debuginfod"));
}

} // namespace
} // namespace pprofd
