#include <gtest/gtest.h>

#include "daemon/serve/http/access.h"

namespace pprofd::serve {
namespace {

Request from_loopback(const std::string& host) {
  Request request;
  request.method = "GET";
  request.path = "/api/v1/labels";
  request.host = host;
  request.peer = {.kind = Peer::Kind::kLoopback, .name = "127.0.0.1"};
  return request;
}

TEST(ForeignRequest, OnLoopbackOnlyOwnNamesAreAHost) {
  for (const char* host :
       {"localhost", "localhost:7171", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:7171"})
    EXPECT_FALSE(foreign_request(from_loopback(host))) << host;
  for (const char* host : {"", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example",
                           "evil.example:127.0.0.1", "[::1", "[::2]", "127.evil.0.1", "0.0.0.0"})
    EXPECT_TRUE(foreign_request(from_loopback(host))) << host;
}

TEST(ForeignRequest, ANetworkAddressMayHaveAnyHostButTheOriginMustBeIt) {
  Request request = from_loopback("pprofd.example:7171");
  request.peer.kind = Peer::Kind::kNetwork;
  EXPECT_FALSE(foreign_request(request));
  request.origin = "https://pprofd.example:7171";
  EXPECT_FALSE(foreign_request(request));
  for (const char* origin : {"https://evil.example", "null", "pprofd.example:7171",
                             "https://pprofd.example", "ftp://pprofd.example:7171"}) {
    request.origin = origin;
    EXPECT_TRUE(foreign_request(request)) << origin;
  }
}

TEST(ForeignRequest, AUnixSocketsClientsAreNoBrowsers) {
  Request request = from_loopback("anything");
  request.peer.kind = Peer::Kind::kUnix;
  EXPECT_FALSE(foreign_request(request));
}

TEST(ForeignRequest, ALinkFromElsewhereLeadsToThePageOnly) {
  Request request = from_loopback("localhost");
  request.fetch_site = "cross-site";
  request.fetch_mode = "navigate";
  request.path = "/";
  EXPECT_FALSE(foreign_request(request));
  for (const char* path : {"/debug/pprof/profile", "/api/v1/profile"}) {
    request.path = path;
    EXPECT_TRUE(foreign_request(request)) << path;
  }
  request.path = "/";
  request.method = "POST";
  EXPECT_TRUE(foreign_request(request));
}

TEST(Credentials, FilesAreReadWithTheLineThatIsWrong) {
  const std::string hash = "$2b$05$" + std::string(53, 'a');
  const auto users = parse_users("# comment\n\nlena:" + hash + "\r\nomar:" + hash);
  ASSERT_TRUE(users);
  EXPECT_EQ(users->size(), 2U);
  EXPECT_EQ(users->at("lena"), hash);
  const auto wrong = parse_users("lena:" + hash + "\nomar:plain\n");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().what, "users, line 2");
  EXPECT_FALSE(parse_users(":" + hash));
  EXPECT_EQ(parse_tokens("0123456789abcdef\n# x\n")->size(), 1U);
  EXPECT_FALSE(parse_tokens("short"));
}

TEST(Credentials, AFileOfCommentsAloneIsRefused) {
  EXPECT_FALSE(parse_users("# nobody\n"));
  EXPECT_FALSE(parse_tokens("\n# none\n"));
  EXPECT_TRUE(parse_users("")->empty()); // no file
  EXPECT_TRUE(parse_tokens("")->empty());
}

TEST(Gate, ListenersWithoutCredentialsAskForNothing) {
  Gate gate({});
  EXPECT_EQ(gate.look_at(from_loopback("localhost")), Verdict::kAllowed);
}

TEST(Gate, ATokenACertificateOrASocketLetsIn) {
  Gate gate({.users = {}, .tokens = {"0123456789abcdef"}, .certificates = true});
  Request request = from_loopback("localhost");
  EXPECT_EQ(gate.look_at(request), Verdict::kRefused);
  for (const char* field : {"Bearer 0123456789abcde", "Bearer 0123456789abcdeff", "Bearer ",
                            "0123456789abcdef", "Basic 0123456789abcdef"}) {
    request.authorization = field;
    EXPECT_EQ(gate.look_at(request), Verdict::kRefused) << field;
  }
  request.authorization = "BEARER 0123456789abcdef";
  EXPECT_EQ(gate.look_at(request), Verdict::kAllowed);
  request.authorization.clear();
  request.peer.certificate = true;
  EXPECT_EQ(gate.look_at(request), Verdict::kAllowed);
  request.peer = {.kind = Peer::Kind::kUnix, .name = "uid 1"};
  EXPECT_EQ(gate.look_at(request), Verdict::kAllowed);
}

} // namespace
} // namespace pprofd::serve
