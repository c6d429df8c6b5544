#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "daemon/debuginfod/servers.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using debuginfod::ServerAnswer;
using testing::ElementsAre;

const DebugServers::Time kNow{1000h};

ServerAnswer answer(ServerAnswer::Kind kind, const std::string& why = "") {
  ServerAnswer made;
  made.set_kind(kind);
  made.set_why(why);
  return made;
}

TEST(DebugServers, OneThatDoesNotAnswerIsLeftAloneForLongerEachTime) {
  DebugServers servers({"http://one", "http://two"});
  EXPECT_THAT(servers.ready(kNow), ElementsAre(0, 1));
  servers.answered(0, answer(ServerAnswer::FAILED), kNow);
  EXPECT_THAT(servers.ready(kNow + 400ms), ElementsAre(1));
  EXPECT_THAT(servers.ready(kNow + 1s), ElementsAre(0, 1));
  servers.answered(0, answer(ServerAnswer::FAILED), kNow + 1s);
  EXPECT_THAT(servers.ready(kNow + 1900ms), ElementsAre(1));
  EXPECT_THAT(servers.ready(kNow + 3s), ElementsAre(0, 1));
  for (int i = 0; i < 10; ++i)
    servers.answered(0, answer(ServerAnswer::FAILED), kNow);
  EXPECT_THAT(servers.ready(kNow + 29s), ElementsAre(1));
  EXPECT_THAT(servers.ready(kNow + 61s), ElementsAre(0, 1));
}

TEST(DebugServers, OneThatHasNotGotAFileIsAskedForTheNext) {
  DebugServers servers({"http://one"});
  for (const auto kind : {ServerAnswer::MISSING, ServerAnswer::UNUSABLE, ServerAnswer::FOUND}) {
    servers.answered(0, answer(ServerAnswer::FAILED), kNow);
    servers.answered(0, answer(kind), kNow + 1s);
    servers.answered(0, answer(ServerAnswer::FAILED), kNow + 1s);
    EXPECT_THAT(servers.ready(kNow + 2s), ElementsAre(0)) << "the pause is the first again";
  }
}

TEST(DebugServers, TroubleIsToldOnceInTenMinutesAndInOneLine) {
  DebugServers servers({"http://one", "http://two"});
  EXPECT_FALSE(servers.answered(0, answer(ServerAnswer::MISSING), kNow));
  EXPECT_FALSE(servers.answered(0, answer(ServerAnswer::FOUND), kNow));
  const auto told = servers.answered(
      0, answer(ServerAnswer::FAILED, "down\n\x1b[31m\xff" + std::string(999, 'x')), kNow);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->what, "debug information from http://one");
  EXPECT_EQ(told->why.find_first_of("\n\x1b\xff"), std::string::npos);
  EXPECT_LT(told->why.size(), 300U);
  EXPECT_FALSE(servers.answered(0, answer(ServerAnswer::UNUSABLE), kNow + 9min));
  EXPECT_TRUE(servers.answered(1, answer(ServerAnswer::FAILED, "down"), kNow + 9min));
  EXPECT_TRUE(servers.answered(0, answer(ServerAnswer::FAILED, "down"), kNow + 11min));
}

} // namespace
} // namespace pprofd
