#include <gtest/gtest.h>

#include <atomic>
#include <latch>

#include "daemon/profile/profile_builder.h"
#include "daemon/run/profile_queue.h"

namespace pprofd {
namespace {

using namespace std::chrono_literals;

class Sink : public WindowSink {
public:
  Result<void> put(serve::WindowProfile profile) override {
    entered = true;
    entered.notify_all();
    gate.wait();
    if (profile.service() == "broken")
      return fail("put", "the disk is full");
    EXPECT_FALSE(profile.profile().empty());
    order += profile.service();
    return {};
  }
  std::atomic<bool> entered = false;
  std::latch gate{1};
  std::string order; // the queue's thread, until flush()
};

serve::WindowProfile head(const std::string& service, uint64_t samples) {
  serve::WindowProfile made;
  made.set_service(service);
  made.set_samples(samples);
  return made;
}

TEST(ProfileQueue, HandsOverInOrderAndCountsWhatNobodyTook) {
  Sink sink;
  std::atomic<int> failures = 0;
  ProfileQueue queue(sink, [&failures](const Error&) { ++failures; });
  queue.add(head("a", 3), {});
  queue.add(head("broken", 5), {});
  queue.add(head("b", 7), {});
  EXPECT_FALSE(queue.flush(1ms));
  sink.gate.count_down();
  ASSERT_TRUE(queue.flush(10s));
  EXPECT_EQ(sink.order, "ab");
  EXPECT_EQ(failures, 1);
  const auto stats = queue.stats();
  EXPECT_EQ(stats.written, 2U);
  EXPECT_EQ(stats.samples_written, 10U);
  EXPECT_EQ(stats.failed, 1U);
  EXPECT_EQ(stats.samples_failed, 5U);
}

TEST(ProfileQueue, WhatATriggerTookIsHandedOverAsItIsAndItsSamplesCountInNoSum) {
  Sink sink;
  sink.gate.count_down();
  ProfileQueue queue(sink, [](const Error&) {});
  serve::WindowProfile made = head("t", 100);
  (*made.mutable_labels())["trigger"] = "cpu > 80%";
  made.set_profile("bytes");
  queue.add(made);
  queue.add(head("a", 3), {});
  ASSERT_TRUE(queue.flush(10s));
  EXPECT_EQ(sink.order, "ta");
  EXPECT_EQ(queue.stats().written, 2U);
  EXPECT_EQ(queue.stats().triggered, 1U);
  EXPECT_EQ(queue.stats().samples_written, 3U);
}

TEST(ProfileQueue, SaysWhenItIsFull) {
  Sink sink;
  ProfileQueue queue(sink, [](const Error&) {});
  queue.add(head("x", 1), {});
  sink.entered.wait(false); // with that one
  int added = 1;
  for (; !queue.is_full(); ++added)
    queue.add(head("x", 1), {});
  EXPECT_LE(added, 20);
  queue.wait_for_room(1ms);
  EXPECT_TRUE(queue.is_full());
  sink.gate.count_down();
  queue.wait_for_room(10s);
  EXPECT_FALSE(queue.is_full());
  EXPECT_TRUE(queue.flush(10s));
}

} // namespace
} // namespace pprofd
