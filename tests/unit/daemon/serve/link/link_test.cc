#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <random>
#include <thread>

#include "daemon/serve/link/link.h"
#include "proto/serve.pb.h"

namespace pprofd::serve {
namespace {

using testing::HasSubstr;

ToServe window(const std::string& profile) {
  ToServe message;
  message.mutable_profile()->set_type("cpu");
  message.mutable_profile()->set_profile(profile);
  return message;
}

std::string framed(std::string_view body, uint32_t length) {
  std::string bytes;
  for (unsigned shift = 0; shift < 32; shift += 8)
    bytes += static_cast<char>(length >> shift & 0xff);
  return bytes.append(body);
}

void write_raw(const Link& link, std::string_view bytes) {
  ASSERT_EQ(::send(link.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

// Waits until something has come, at most ten seconds.
void wait_for_input(const Link& link) {
  pollfd entry{.fd = link.fd(), .events = POLLIN, .revents = 0};
  ASSERT_EQ(::poll(&entry, 1, 10'000), 1);
}

class LinkTest : public testing::Test {
protected:
  void SetUp() override {
    auto ends = Link::pair();
    ASSERT_TRUE(ends);
    here_ = std::move(ends->first);
    there_ = std::move(ends->second);
  }

  Link here_{Fd()}, there_{Fd()};
};

TEST_F(LinkTest, MessagesArriveInTheirOrder) {
  ASSERT_TRUE(here_.send(window("one")));
  ASSERT_TRUE(here_.send(window("")));
  ASSERT_TRUE(here_.send(window("three")));
  wait_for_input(there_);
  ASSERT_EQ(there_.fill().value(), true);
  ToServe message;
  for (const char* expected : {"one", "", "three"}) {
    ASSERT_EQ(there_.next(message).value(), true);
    EXPECT_EQ(message.profile().profile(), expected);
  }
  EXPECT_EQ(there_.next(message).value(), false);
}

TEST_F(LinkTest, TornMessagesAreHeldUntilTheyAreWhole) {
  const std::string body = window("torn").SerializeAsString();
  const std::string bytes = framed(body, static_cast<uint32_t>(body.size()));
  ToServe message;
  for (size_t i = 0; i < bytes.size(); i++) {
    EXPECT_EQ(there_.next(message).value(), false) << i;
    write_raw(here_, bytes.substr(i, 1));
    wait_for_input(there_);
    ASSERT_EQ(there_.fill().value(), true);
  }
  ASSERT_EQ(there_.next(message).value(), true);
  EXPECT_EQ(message.profile().profile(), "torn");
}

TEST_F(LinkTest, HostileLengthsAreRefusedBeforeAnythingIsKept) {
  for (const uint32_t length : {uint32_t{kMaxMessage} + 1, uint32_t{0x7fffffff}, ~uint32_t{0}}) {
    SetUp();
    write_raw(here_, framed("", length));
    wait_for_input(there_);
    ASSERT_TRUE(there_.fill());
    ToServe message;
    const auto got = there_.next(message);
    ASSERT_FALSE(got);
    EXPECT_THAT(got.error().why, HasSubstr("64 MB"));
  }
}

TEST_F(LinkTest, BytesThatAreNoMessageAreRefused) {
  write_raw(here_, framed("\xff\xff\xff\xff", 4));
  wait_for_input(there_);
  ASSERT_TRUE(there_.fill());
  ToServe message;
  EXPECT_FALSE(there_.next(message));
}

TEST_F(LinkTest, RandomBytesEndInAnErrorOrWaitForMore) {
  std::mt19937 random(7);
  for (int round = 0; round < 300; round++) {
    SetUp();
    std::string bytes(random() % 200, '\0');
    for (char& byte : bytes)
      byte = static_cast<char>(random() % 4 == 0 ? random() : random() % 8);
    bytes += "tail";
    write_raw(here_, bytes);
    wait_for_input(there_);
    ASSERT_TRUE(there_.fill());
    ToServe message;
    Result<bool> got = true;
    for (int i = 0; i < 300 && got && *got; i++)
      got = there_.next(message);
    EXPECT_FALSE(got && *got);
  }
}

TEST_F(LinkTest, WhatTheOtherSideDoesNotTakeIsBounded) {
  const ToServe message = window(std::string(size_t{20} << 20, 'x'));
  Result<void> sent;
  int count = 0;
  while (sent && count < 100) {
    sent = here_.send(message);
    count++;
  }
  ASSERT_FALSE(sent);
  EXPECT_THAT(sent.error().why, HasSubstr("does not take"));
  EXPECT_LE(here_.unsent(), kMaxUnsent);
  EXPECT_EQ(here_.wanted_events(), POLLIN | POLLOUT);
}

TEST_F(LinkTest, ALargeMessagePassesWhileBothSidesPoll) {
  const std::string profile(kMaxMessage - 100, 'p');
  std::thread reader([&] {
    ToServe message;
    for (Result<bool> got = false; got && !*got; got = there_.next(message)) {
      wait_for_input(there_);
      ASSERT_TRUE(there_.fill());
    }
    EXPECT_EQ(message.profile().profile().size(), profile.size());
  });
  EXPECT_TRUE(here_.send(window(profile)));
  while (here_.unsent() > 0) {
    pollfd entry{.fd = here_.fd(), .events = here_.wanted_events(), .revents = 0};
    if (::poll(&entry, 1, 10'000) != 1 || !here_.flush())
      break;
  }
  reader.join();
  EXPECT_EQ(here_.unsent(), 0U);
}

TEST_F(LinkTest, AClosedEndIsSaidAfterItsLastMessage) {
  ASSERT_TRUE(here_.send(window("last")));
  here_ = Link(Fd());
  bool open = true;
  while (open) {
    wait_for_input(there_);
    const auto filled = there_.fill();
    ASSERT_TRUE(filled);
    open = *filled;
  }
  ToServe message;
  EXPECT_EQ(there_.next(message).value(), true);
  EXPECT_FALSE(there_.send(window("nobody")));
}

TEST_F(LinkTest, AMessageOverTheLimitIsNotSent) {
  EXPECT_FALSE(here_.send(window(std::string(kMaxMessage, 'x'))));
  EXPECT_EQ(here_.unsent(), 0U);
}

} // namespace
} // namespace pprofd::serve
