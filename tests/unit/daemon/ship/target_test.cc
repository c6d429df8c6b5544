#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>

#include "daemon/ship/send/target.h"
#include "tests/unit/daemon/output/temporary_folder.h"

namespace pprofd::ship {
namespace {

using namespace std::chrono_literals;
using Clock = Target::Clock;

// A target whose backend is the test: each parcel's body names the profiles in it.
class TargetTest : public testing::Test {
protected:
  struct Sent {
    std::string body;
    std::function<void(const Reply&)> done;
  };

  void open(TargetLimits limits = {}, uint64_t spool_bytes = 10'000'000) {
    target_.reset();
    sent_.clear();
    answered_ = 0;
    auto spool = Spool::open(folder_ / "spool", spool_bytes);
    ASSERT_TRUE(spool) << text_of(spool.error());
    target_ = std::make_unique<Target>(Target::Parts{
        .name = "test",
        .limits = limits,
        .spool = std::move(*spool),
        .refused = RefusedFolder(folder_ / "refused"),
        .encode =
            [this](std::span<const serve::WindowProfile> profiles) { return encode(profiles); },
        .send =
            [this](const Parcel& parcel, std::function<void(const Reply&)> done) {
              sent_.push_back({parcel.body, std::move(done)});
            },
        .verdict = verdict_,
        .note = [this](const Error& error) { notes_.push_back(text_of(error)); },
        .secrets = {},
        .seed = 1});
  }

  Result<std::vector<Parcel>> encode(std::span<const serve::WindowProfile> profiles) const {
    std::vector<Parcel> parcels;
    for (int part = 0; part < parts_; ++part) {
      Parcel& parcel = parcels.emplace_back();
      for (const serve::WindowProfile& profile : profiles)
        parcel.body += profile.service() + (parts_ > 1 ? std::to_string(part) : "");
      parcel.cost = cost_;
    }
    return parcels;
  }

  void add(const std::string& name, size_t size = 10) {
    serve::WindowProfile profile;
    profile.set_service(name);
    profile.set_id(++last_id_);
    profile.set_profile(std::string(size, 'p'));
    target_->add(profile.id(), profile.SerializeAsString());
    target_->sync();
  }
  // What is sent at this time.
  std::vector<std::string> step(Clock::time_point now) {
    const size_t before = sent_.size();
    target_->step(now);
    std::vector<std::string> bodies;
    for (size_t at = before; at < sent_.size(); ++at)
      bodies.push_back(sent_[at].body);
    return bodies;
  }
  // Answers what was sent first and not answered.
  void answer(int status, std::optional<std::chrono::seconds> retry_after = {}) {
    const Sent sent = sent_[answered_++];
    Reply reply;
    reply.status = status;
    reply.problem = status == 0 ? "connection refused" : "";
    reply.retry_after = retry_after;
    sent.done(reply);
  }
  [[nodiscard]] Target::Figures figures() const { return target_->figures(); }

  TemporaryFolder folder_;
  std::unique_ptr<Target> target_;
  std::vector<Sent> sent_;
  size_t answered_ = 0;
  std::vector<std::string> notes_;
  uint64_t last_id_ = 0;
  int parts_ = 1;
  uint64_t cost_ = 0;
  std::function<Verdict(const Reply&)> verdict_ = verdict_of;
};

using Bodies = std::vector<std::string>;

TEST_F(TargetTest, SendsAFewAtATime) {
  open();
  for (const char* name : {"a", "b", "c", "d", "e", "f"})
    add(name);
  const auto now = Clock::now();
  EXPECT_EQ(step(now), (Bodies{"a", "b", "c", "d"}));
  EXPECT_EQ(step(now), Bodies{});
  answer(200);
  EXPECT_EQ(step(now), Bodies{"e"});
  EXPECT_EQ(figures().sent, 1U);
}

TEST_F(TargetTest, WhatWasTakenIsNotSentByTheNextProcess) {
  open();
  for (const char* name : {"a", "b", "c"})
    add(name);
  (void)step(Clock::now());
  answer(200);
  answer(500);
  answer(200);
  target_->save();
  open();
  EXPECT_EQ(step(Clock::now()), (Bodies{"b", "c"})) << "at least once, from the first one open on";
}

TEST_F(TargetTest, BytesOfTheSpoolThatAreNoRecordsAreSaid) {
  open();
  add("a");
  target_.reset();
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "spool"))
    if (entry.path().extension() == ".spool")
      std::ofstream(entry.path(), std::ios::app) << "somebody's";
  open();
  (void)step(Clock::now());
  (void)step(Clock::now());
  EXPECT_THAT(notes_, testing::ElementsAre(testing::StartsWith("ship to test: 10 bytes of")));
}

TEST_F(TargetTest, AFailureOpensTheCircuitAndLosesNothing) {
  open();
  for (const char* name : {"a", "b", "c"})
    add(name);
  (void)step(Clock::now());
  for (int i = 0; i < 3; ++i)
    answer(0);
  EXPECT_FALSE(figures().up);
  EXPECT_EQ(step(Clock::now()), Bodies{}) << "the pause";
  const auto wake = target_->wake().value_or(Clock::time_point());
  EXPECT_GT(wake, Clock::now());
  EXPECT_LE(wake, Clock::now() + 1s);
  const auto later = Clock::now() + 2s;
  EXPECT_EQ(step(later).size(), 1U) << "one at a time while it fails";
  answer(200);
  EXPECT_TRUE(figures().up);
  EXPECT_EQ(step(later).size(), 2U);
  answer(200);
  answer(200);
  EXPECT_EQ(figures().sent, 3U);
  EXPECT_EQ(figures().retried, 3U);
  EXPECT_EQ(notes_, Bodies{"ship to test: connection refused"}) << "said once";
}

TEST_F(TargetTest, RetryAfterIsObeyed) {
  open();
  add("a");
  (void)step(Clock::now());
  answer(429, 30s);
  EXPECT_EQ(step(Clock::now() + 29s), Bodies{});
  EXPECT_EQ(step(Clock::now() + 34s), Bodies{"a"});
}

TEST_F(TargetTest, ARefusedProfileIsSetAsideWithTheReason) {
  open();
  add("a");
  add("b");
  (void)step(Clock::now());
  answer(400);
  answer(200);
  EXPECT_EQ(step(Clock::now() + 1h), Bodies{});
  EXPECT_EQ(figures().failed, 1U);
  EXPECT_EQ(figures().sent, 1U);
  EXPECT_EQ(figures().retried, 0U);
  std::map<std::string, std::string> kept;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "refused"))
    kept[entry.path().extension()] = read_file(entry.path());
  EXPECT_EQ(kept,
            (std::map<std::string, std::string>{{".gz", "pppppppppp"}, {".txt", "HTTP 400\n"}}));
}

TEST_F(TargetTest, ARefusedBatchIsSentOneByOne) {
  open({.batch_profiles = 3, .batch_bytes = 1'000'000, .rate = 0});
  for (const char* name : {"a", "b", "c", "d"})
    add(name);
  EXPECT_EQ(step(Clock::now()), (Bodies{"abc", "d"}));
  answer(413);
  answer(200);
  EXPECT_EQ(step(Clock::now()), (Bodies{"a", "b", "c"}));
  answer(200);
  answer(422);
  answer(200);
  EXPECT_EQ(figures().sent, 3U);
  EXPECT_EQ(figures().failed, 1U);
}

TEST_F(TargetTest, ABatchEndsAtItsBytes) {
  open({.batch_profiles = 10, .batch_bytes = 2'500, .rate = 0});
  for (const char* name : {"a", "b", "c"})
    add(name, 1'000);
  add("d", 5'000);
  EXPECT_EQ(step(Clock::now()), (Bodies{"ab", "c", "d"}));
}

TEST_F(TargetTest, APoisonedProfileDoesNotHoldUpTheOthersAndIsGivenUp) {
  open();
  add("poison");
  auto now = Clock::now();
  unsigned tries = 0;
  for (int i = 0; i < 2'000 && figures().failed + figures().sent < 201; ++i) {
    if (i < 200)
      add("good" + std::to_string(i));
    for (const std::string& body : step(now)) {
      tries += body == "poison" ? 1 : 0;
      answer(body == "poison" ? 500 : 200);
    }
    now += 10s;
  }
  EXPECT_EQ(figures().failed, 1U);
  EXPECT_EQ(figures().sent, 200U);
  EXPECT_GT(tries, 10U);
}

TEST_F(TargetTest, AnOutageIsNoReasonToGiveUp) {
  open();
  for (int i = 0; i < 100; ++i)
    add("p" + std::to_string(i));
  auto now = Clock::now();
  for (int i = 0; i < 1'000; ++i) {
    for (size_t n = step(now).size(); n > 0; --n)
      answer(i % 2 == 0 ? 500 : 429);
    now += 60s;
  }
  EXPECT_EQ(figures().failed + figures().sent, 0U);
  for (int i = 0; i < 1'000 && figures().sent < 100; ++i) {
    for (size_t n = step(now).size(); n > 0; --n)
      answer(200);
    now += 1s;
  }
  EXPECT_EQ(figures().sent, 100U);
}

TEST_F(TargetTest, PartsThatWereTakenAreNotSentAgain) {
  parts_ = 3;
  open();
  add("a");
  EXPECT_EQ(step(Clock::now()), Bodies{"a0"});
  answer(200);
  EXPECT_EQ(step(Clock::now()), Bodies{"a1"});
  answer(503);
  const auto later = Clock::now() + 2s;
  EXPECT_EQ(step(later), Bodies{"a1"});
  answer(200);
  EXPECT_EQ(step(later), Bodies{"a2"});
  answer(200);
  EXPECT_EQ(figures().sent, 1U);
}

TEST_F(TargetTest, KeepsToItsRate) {
  cost_ = 2'000;
  open({.batch_profiles = 1, .batch_bytes = 0, .rate = 1'000});
  for (int i = 0; i < 20; ++i)
    add("p");
  const auto begin = Clock::now() + 1s;
  size_t sent = 0;
  for (auto now = begin; now < begin + 10s; now += 100ms)
    for (size_t n = step(now).size(); n > 0; --n, ++sent)
      answer(200);
  EXPECT_EQ(sent, 5U) << "a profile each two seconds";
}

TEST_F(TargetTest, AFullSpoolDropsTheOldestAndCountsThem) {
  open({}, 1'000'000);
  for (int i = 0; i < 300; ++i) {
    add("p", 10'000);
    for (size_t n = step(Clock::now()).size(); n > 0; --n)
      answer(0);
  }
  EXPECT_LE(figures().spool_bytes, 1'000'000U);
  const uint64_t dropped = figures().dropped;
  EXPECT_GT(dropped, 150U);
  auto now = Clock::now() + 1h;
  for (int i = 0; i < 500; ++i, now += 1s)
    for (size_t n = step(now).size(); n > 0; --n)
      answer(200);
  EXPECT_EQ(figures().sent + figures().dropped, 300U);
  EXPECT_EQ(figures().dropped, dropped);
}

TEST_F(TargetTest, ABatchWaitsForMore) {
  open({.batch_profiles = 3, .batch_bytes = 10'000, .batch_wait = 10s});
  const auto now = Clock::now();
  add("a");
  add("b");
  EXPECT_EQ(step(now), Bodies{});
  const auto wake = target_->wake().value_or(now);
  EXPECT_GT(wake, now + 9s);
  EXPECT_LT(wake, now + 15s);
  EXPECT_EQ(step(now + 20s), Bodies{"ab"});
  add("c");
  EXPECT_EQ(step(now), Bodies{}) << "the wait begins anew";
}

TEST_F(TargetTest, AFullBatchDoesNotWait) {
  open({.batch_profiles = 3, .batch_bytes = 10'000, .batch_wait = 10s});
  const auto now = Clock::now();
  for (const char* name : {"a", "b", "c", "d"})
    add(name);
  EXPECT_EQ(step(now), Bodies{"abc"});
  add("e", 20'000);
  EXPECT_EQ(step(now), (Bodies{"d", "e"})) << "by its bytes";
}

TEST_F(TargetTest, WhatWaitsIsSentAtTheEndOfTheProcessOrByTheNextOne) {
  const TargetLimits limits{.batch_profiles = 3, .batch_bytes = 10'000, .batch_wait = 10min};
  open(limits);
  add("a");
  add("b");
  target_->hurry(Clock::now());
  ASSERT_EQ(sent_.size(), 1U);
  EXPECT_EQ(sent_.front().body, "ab");
  open(limits); // it was not taken
  EXPECT_EQ(step(Clock::now()), Bodies{"ab"});
}

TEST_F(TargetTest, WithoutAWaitTheEndSendsNothingThatWouldNotHaveGone) {
  open();
  add("a");
  target_->hurry(Clock::now());
  EXPECT_TRUE(sent_.empty());
}

TEST_F(TargetTest, ABackendMayJudgeAnswersItself) {
  verdict_ = [](const Reply& reply) {
    return reply.status == 400 ? Verdict::kNotLikeThis : verdict_of(reply);
  };
  open();
  add("a");
  (void)step(Clock::now());
  answer(400);
  EXPECT_EQ(figures().failed, 0U);
  EXPECT_EQ(step(Clock::now() + 2s), Bodies{"a"});
}

TEST_F(TargetTest, WrongCredentialsLoseNothing) {
  open();
  add("a");
  (void)step(Clock::now());
  answer(401);
  EXPECT_EQ(step(Clock::now() + 2s), Bodies{"a"});
  answer(200);
  EXPECT_EQ(figures().sent, 1U);
}

} // namespace
} // namespace pprofd::ship
