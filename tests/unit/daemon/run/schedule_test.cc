#include <gtest/gtest.h>

#include <set>

#include "daemon/run/schedule.h"
#include "tests/unit/daemon/output/temporary_folder.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kNow = 1'700'000'000 * kSecond; // a multiple of 10 s, not of a minute

TEST(Schedule, WindowsMeetWithoutAGapAtMultiplesOfTheirLength) {
  const Schedule schedule(10s, 10s, 12345);
  EXPECT_TRUE(schedule.is_continuous());
  Collection window = schedule.at(kNow + 3 * kSecond);
  EXPECT_EQ(window.from, kNow);
  EXPECT_EQ(window.until, kNow + 10 * kSecond);
  for (int n = 0; n < 1000; ++n) {
    // Ended a little late, as a loop does, or by the clock a little early.
    const uint64_t ended = n % 2 == 0 ? window.until + 700'000 : window.until - 300'000;
    const Collection next = schedule.after(window, ended);
    EXPECT_EQ(next.from, window.until);
    EXPECT_EQ(next.until, window.until + 10 * kSecond);
    window = next;
  }
}

TEST(Schedule, ATimeAtTheBoundaryBelongsToTheNextWindow) {
  EXPECT_EQ(Schedule(10s, 10s, 0).at(kNow).from, kNow);
  EXPECT_EQ(Schedule(10s, 10s, 0).at(kNow - 1).until, kNow);
}

TEST(Schedule, SamplesAPartOfEachWindowAtTheHostsOwnTime) {
  for (const uint64_t seed : {uint64_t{0}, uint64_t{17}, ~uint64_t{0}, hash_of("host")}) {
    const Schedule schedule(60s, 10s, seed);
    const Collection first = schedule.at(kNow);
    EXPECT_EQ(first.until - first.from, 10 * kSecond);
    const uint64_t window = first.from / (60 * kSecond);
    EXPECT_EQ((first.until - 1) / (60 * kSecond), window) << "a collection lies in one window";
    const Collection second = schedule.after(first, first.until);
    EXPECT_EQ(second.from - first.from, 60 * kSecond);
    EXPECT_GT(first.until, kNow);
  }
}

TEST(Schedule, PhasesOfManyHostsAreSpread) {
  std::set<uint64_t> seconds;
  for (int host = 0; host < 500; ++host)
    seconds.insert(Schedule(60s, 10s, hash_of("host-" + std::to_string(host))).phase() / kSecond);
  EXPECT_GE(seconds.size(), 45U);
  EXPECT_LE(*seconds.rbegin(), 50U);
}

TEST(Schedule, ACollectionThatRunsIsFoundFromWithin) {
  const Schedule schedule(60s, 50s, 9 * kSecond);
  const Collection first = schedule.at(kNow);
  for (uint64_t at = first.from; at < first.until; at += kSecond)
    EXPECT_EQ(schedule.at(at).from, first.from);
  EXPECT_EQ(schedule.at(first.until).from, first.from + 60 * kSecond);
}

TEST(Schedule, GoesOnFromAClockThatWasSet) {
  const Schedule schedule(10s, 10s, 0);
  const Collection window = schedule.at(kNow);
  for (const uint64_t jumped : {kNow + 3600 * kSecond + 5, kNow - 3600 * kSecond + 5}) {
    const Collection next = schedule.after(window, jumped);
    EXPECT_LE(next.from, jumped);
    EXPECT_GT(next.until, jumped);
  }
}

TEST(HostSeed, IsTheMachinesAndStaysTheSame) {
  const TemporaryFolder folder;
  write_file(folder / "a", "0123456789abcdef0123456789abcdef\n");
  write_file(folder / "b", "0123456789abcdef0123456789abcdee\n");
  EXPECT_EQ(host_seed(folder / "a"), host_seed(folder / "a"));
  EXPECT_NE(host_seed(folder / "a"), host_seed(folder / "b"));
  EXPECT_EQ(host_seed(folder / "missing"), host_seed(folder / "missing"));
  // FNV-1a's published values.
  EXPECT_EQ(hash_of(""), 0xcbf29ce484222325U);
  EXPECT_EQ(hash_of("a"), 0xaf63dc4c8601ec8cU);
}

} // namespace
} // namespace pprofd
