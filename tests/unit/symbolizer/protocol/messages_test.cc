#include <gtest/gtest.h>

#include <random>

#include "symbolizer/protocol/limits.h"
#include "symbolizer/protocol/messages.h"

namespace pprofd::symbolizer {
namespace {

// A reply that is right: one address with one frame.
worker::Reply good_reply() {
  worker::Reply reply;
  reply.set_id(7);
  reply.set_last(true);
  reply.set_build_id("\x01\x02");
  reply.add_frames()->set_function("main");
  worker::Reply::Address& address = *reply.add_addresses();
  address.set_address(0x1000);
  address.add_frames(0);
  return reply;
}

std::string refusal(const worker::Reply& reply, size_t max_addresses = 1) {
  const auto decoded = decode_reply(encode(reply), 7, max_addresses);
  return decoded ? "" : decoded.error().why;
}

TEST(Reply, TheRightOnePasses) {
  EXPECT_EQ(refusal(good_reply()), "");
}

TEST(Reply, EachWrongOneIsRefused) {
  worker::Reply reply = good_reply();
  reply.set_id(8);
  EXPECT_EQ(refusal(reply), "a reply to another request");
  EXPECT_EQ(refusal(good_reply(), 0), "more addresses than asked for");
  EXPECT_EQ(refusal(good_reply(), 2), "addresses are missing");
  reply = good_reply();
  reply.set_failure("out of memory");
  EXPECT_EQ(refusal(reply, 2), "");
  reply.set_last(false);
  EXPECT_EQ(refusal(reply), "a result before the last reply");
  reply = good_reply();
  reply.set_last(false);
  reply.clear_build_id();
  reply.clear_addresses();
  EXPECT_EQ(refusal(reply), "a reply without addresses");
  reply = good_reply();
  reply.set_build_id(std::string(65, 'x'));
  EXPECT_EQ(refusal(reply), "a build id of 65 bytes");
  reply = good_reply();
  reply.set_failure("\x1b[31m");
  EXPECT_EQ(refusal(reply), "a failure that is no text");
  for (const std::string& name :
       {std::string(), std::string("a\nb"), std::string("\xff"), std::string(kMaxText + 1, 'x')}) {
    reply = good_reply();
    reply.mutable_frames(0)->set_function(name);
    EXPECT_EQ(refusal(reply), "a frame without name or with text that is none");
  }
  reply = good_reply();
  reply.mutable_frames(0)->set_file("a\tb");
  EXPECT_EQ(refusal(reply), "a frame without name or with text that is none");
  reply = good_reply();
  reply.mutable_addresses(0)->add_frames(1);
  EXPECT_EQ(refusal(reply), "an address with frames that do not exist");
  reply = good_reply();
  for (size_t i = 0; i < kMaxInlineFrames; ++i)
    reply.mutable_addresses(0)->add_frames(0);
  EXPECT_EQ(refusal(reply), "an address with frames that do not exist");
}

TEST(Request, CountsAndStylesAreBounded) {
  worker::Request request;
  request.set_id(1);
  for (size_t i = 0; i < kMaxOffsets; ++i)
    request.add_offsets(i);
  EXPECT_LE(encode(request).size(), kMaxPacket);
  EXPECT_TRUE(decode_request(encode(request)));
  request.add_offsets(1);
  EXPECT_EQ(decode_request(encode(request)).error().why, "too many offsets");
  request.clear_offsets();
  request.set_style(static_cast<worker::Style>(99));
  EXPECT_EQ(decode_request(encode(request)).error().why, "an unknown style");
}

TEST(Hello, VersionAndPartsAreBounded) {
  worker::Hello hello;
  EXPECT_EQ(decode_hello(encode(hello)).error().why, "protocol version 0");
  hello.set_version(kProtocolVersion);
  for (size_t i = 0; i <= kMaxSandboxParts; ++i)
    hello.add_sandbox()->set_name("seccomp");
  EXPECT_EQ(decode_hello(encode(hello)).error().why, "too many sandbox parts");
  hello.clear_sandbox();
  hello.add_sandbox()->set_detail("\n");
  EXPECT_EQ(decode_hello(encode(hello)).error().why, "a sandbox part is no text");
}

TEST(AnyMessage, RandomBytesAreRefusedOrRight) {
  std::mt19937 random(1);
  size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto bytes = encode(good_reply());
    for (int i = 0; i < 3; ++i)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    const auto reply = decode_reply(bytes, 7, 1);
    refused += !reply;
    static_cast<void>(decode_request(bytes));
    static_cast<void>(decode_hello(bytes));
    static_cast<void>(decode_setup(bytes));
    if (reply) {
      for (const auto& address : reply->addresses()) {
        for (const uint32_t index : address.frames())
          ASSERT_LT(index, static_cast<uint32_t>(reply->frames_size()));
      }
    }
  }
  EXPECT_GT(refused, 10'000U);
}

} // namespace
} // namespace pprofd::symbolizer
