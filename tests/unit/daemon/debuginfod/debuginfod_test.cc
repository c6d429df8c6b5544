#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "daemon/debuginfod/debuginfod.h"
#include "tests/unit/symbolizer/support/fixtures.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;
using test::Scratch;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr const char* kGood = "f0000000000000000000";
constexpr const char* kMissing = "00000000000000000000";

std::string content_of(const Fd& file) {
  std::string bytes(100, '\0');
  const ssize_t size = ::pread(file.get(), bytes.data(), bytes.size(), 0);
  bytes.resize(size < 0 ? 0 : static_cast<size_t>(size));
  return bytes;
}

class DebuginfodTest : public testing::Test {
protected:
  std::unique_ptr<Debuginfod> make(std::chrono::milliseconds patience, bool fetches = true) {
    return Debuginfod::create({.choice = {.servers = {"http://127.0.0.1:1"}, .patience = patience},
                               .cache_folder = scratch_.path("cache"),
                               .fetches = fetches,
                               .program = PPROFD_BAD_FETCHER});
  }

  Scratch scratch_;
};

TEST_F(DebuginfodTest, IsOffWithoutServers) {
  EXPECT_EQ(Debuginfod::create({.choice = {}, .cache_folder = {}}), nullptr);
}

TEST_F(DebuginfodTest, WhatIsFetchedIsThereFromThenOn) {
  auto servers = make(10s);
  EXPECT_EQ(content_of(servers->find(kGood).file), std::string("content of ") + kGood);
  EXPECT_TRUE(servers->find(kGood).file);
  EXPECT_EQ(servers->figures().found, 1U);
  EXPECT_GT(servers->figures().bytes, 0U);
  EXPECT_THAT(servers->take_troubles(), IsEmpty());
  servers.reset();
  EXPECT_TRUE(make(0s, false)->find(kGood).file) << "without fetching";
}

TEST_F(DebuginfodTest, NobodyWaitsWhoDoesNotSaySo) {
  std::atomic<int> arrivals = 0;
  auto servers = make(0s);
  servers->set_arrival([&] { ++arrivals; });
  const auto first = servers->find(kGood);
  EXPECT_FALSE(first.file);
  EXPECT_TRUE(first.pending);
  servers->finish(std::chrono::steady_clock::now() + 10s);
  EXPECT_EQ(arrivals, 1);
  EXPECT_THAT(servers->take_arrived(), ElementsAre(kGood));
  EXPECT_THAT(servers->take_arrived(), IsEmpty());
  EXPECT_TRUE(servers->find(kGood).file);
}

TEST_F(DebuginfodTest, WhatIsMissingIsAskedForOnce) {
  auto servers = make(10s);
  for (int i = 0; i < 3; ++i) {
    const auto answer = servers->find(kMissing);
    EXPECT_FALSE(answer.file);
    EXPECT_FALSE(answer.pending);
  }
  EXPECT_EQ(servers->figures().missing, 1U);
  EXPECT_FALSE(servers->may_come(kMissing));
  EXPECT_THAT(servers->take_troubles(), IsEmpty());
}

TEST_F(DebuginfodTest, OnlyBuildIdsAreAskedFor) {
  auto servers = make(10s);
  for (const char* const text : {"", "f0", "../../etc/passwd", "F0000000000000000000"})
    EXPECT_FALSE(servers->find(text).pending);
  EXPECT_EQ(servers->figures().found + servers->figures().failed, 0U);
}

TEST_F(DebuginfodTest, AnotherFileIsThrownAwayAndNotFetchedAgain) {
  auto servers = make(10s);
  ASSERT_TRUE(servers->find(kGood).file);
  servers->reject(kGood);
  EXPECT_FALSE(servers->find(kGood).file);
  EXPECT_EQ(servers->figures().found, 1U);
  EXPECT_EQ(servers->figures().other_build, 1U);
  EXPECT_EQ(servers->take_troubles().size(), 1U);
}

TEST_F(DebuginfodTest, ASilentProcessCostsThePatienceOnce) {
  auto servers = make(200ms);
  const auto begun = std::chrono::steady_clock::now();
  EXPECT_TRUE(servers->find("09000000000000000000").pending);
  for (int i = 0; i < 20; ++i)
    EXPECT_TRUE(servers->find("0900000000000000000" + std::to_string(i % 10)).pending);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, 3s);
  EXPECT_EQ(servers->take_troubles().size(), 1U) << "that it was late";
}

// A process that was taken over gets no file kept, or at most the one that it was asked for.
class HostileFetcher : public DebuginfodTest, public testing::WithParamInterface<const char*> {};

TEST_P(HostileFetcher, CostsTheFileAlone) {
  auto servers = make(10s);
  const std::string build_id = std::string(GetParam()) + "0000000000000000";
  EXPECT_FALSE(servers->find(build_id).file);
  const auto figures = servers->figures();
  EXPECT_EQ(figures.failed, 1U);
  EXPECT_EQ(figures.found, 0U);
  EXPECT_THAT(servers->take_arrived(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Lies, HostileFetcher,
                         testing::Values("01", "02", "03", "04", "05", "06", "07", "08"));

TEST_F(DebuginfodTest, AProcessThatEndedIsStartedAgain) {
  auto servers = make(10s);
  EXPECT_FALSE(servers->find("02000000000000000000").file);
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!servers->find(kGood).file && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(servers->find(kGood).file);
  EXPECT_EQ(servers->figures().restarts, 1U);
}

} // namespace
} // namespace pprofd
